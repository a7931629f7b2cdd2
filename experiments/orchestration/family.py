"""A family whose trials cost exactly so much processor time, in five reports."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd
from pydantic import Field

from distrib.trainables.base import Config, Fidelity, Metric, Progress, Source, State, Trainable

REPORTS = 5


def compute(seconds: float) -> None:
    """Compute for so much processor time of this thread."""
    end = time.thread_time() + seconds
    numbers = np.arange(2000.0)
    while time.thread_time() < end:
        np.sqrt(numbers).sum()


class WorkConfig(Config):
    """`work` seconds of computing, spread over the reports; `x` is what is searched."""

    x: float = Field(0.0, description="the searched value")
    work: float = Field(0.15, gt=0, description="seconds of processor time")
    reports: int = Field(REPORTS, ge=1, description="units")


class Nothing:
    """Ten rows of nothing."""

    groups = np.arange(10)

    def take(self, rows: np.ndarray) -> Nothing:
        return self

    def describe(self) -> dict[str, Any]:
        return {"rows": 10, "fingerprint": "nothing"}


class Work(Trainable[WorkConfig, Source, Nothing]):
    """Computes and reports `x`."""

    Config = WorkConfig
    metrics = (Metric("score", "max"),)
    fidelity = Fidelity("report", "reports")

    def load(self, source: Source, *, targets: bool = True) -> Nothing:
        return Nothing()

    def progress(
        self, config: Any, data: Any, worker: Any, state: State | None = None
    ) -> Iterator[Progress]:
        for step in range(int(state.values["step"]) + 1 if state else 1, config.reports + 1):
            compute(config.work / config.reports)
            yield Progress(step, lambda step=step: State({}, {"step": step}), {"score": config.x})

    def refit(
        self, config: Any, data: Any, worker: Any, budget: int | None, state: State | None = None
    ) -> Iterator[Progress]:
        yield Progress(1, lambda: State({}, {"step": 1}))

    def predict(self, config: Any, state: State, data: Any, worker: Any) -> pd.DataFrame:
        return pd.DataFrame()

    def evaluate(self, config: Any, state: State, data: Any, worker: Any) -> dict[str, float]:
        return {}
