"""A family whose trials take so many seconds and no processor: two cores stand for many hosts."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import numpy as np
from pydantic import Field

from distrib.trainables.base import Config, Progress, State
from experiments.orchestration.family import Work


class SleepConfig(Config):
    """`seconds` of sleep, spread over the reports; `x` is what is searched."""

    x: float = Field(0.0, description="the searched value")
    seconds: float = Field(10.0, gt=0, description="seconds that a trial takes")
    reports: int = Field(5, ge=1, description="units")


class Sleep(Work):
    """Sleeps and reports `x`; of a group all workers sleep, and agree after each report."""

    Config = SleepConfig  # type: ignore[assignment]
    max_workers = 8
    framework = "torch"

    def progress(
        self, config: Any, data: Any, worker: Any, state: State | None = None
    ) -> Iterator[Progress]:
        for step in range(int(state.values["step"]) + 1 if state else 1, config.reports + 1):
            time.sleep(config.seconds / config.reports)
            worker.sum(np.ones(1))
            yield Progress(step, lambda step=step: State({}, {"step": step}), {"score": config.x})
