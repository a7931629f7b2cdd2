"""Small families for tests of the platform: no torch, no JAX, everything decided by the config."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np
import pandas as pd
from pydantic import Field

from distrib.errors import DataError, InputError
from distrib.trainables.base import (
    Config,
    Fidelity,
    Metric,
    Progress,
    Source,
    State,
    Trainable,
    Worker,
)


class CurveConfig(Config):
    """A learning curve: `height` is approached at `rate`, with noise drawn from the seed."""

    height: float = Field(0.5, ge=0, le=1, description="where the curve ends")
    rate: float = Field(0.3, gt=0, le=2, description="how fast it gets there")
    noise: float = Field(0.0, ge=0, description="standard deviation of the noise")
    epochs: int = Field(9, ge=1, description="units")
    pause: float = Field(0.0, ge=0, description="seconds of sleep per unit")
    work: float = Field(0.0, ge=0, description="seconds of computing per unit")
    kind: str = Field("curve", description="what happens, see `happen`")
    at: int = Field(3, description="the unit at which `kind` happens")
    options: Any = Field(None, description="anything: lists and mappings go through spaces")


@dataclass(frozen=True)
class Points:
    """(rows,) values in groups of two."""

    values: np.ndarray
    groups: np.ndarray

    def take(self, rows: np.ndarray) -> Self:
        return type(self)(self.values[rows], self.groups[rows])

    def describe(self) -> dict[str, Any]:
        return {"rows": len(self.values), "fingerprint": str(float(self.values.sum()))}


class Curve(Trainable[CurveConfig, Source, Points]):
    """Reports a curve; the state carries the generator, so a resume is exact."""

    Config = CurveConfig
    metrics = (Metric("score", "max"), Metric("loss", "min"))
    fidelity = Fidelity("epoch", "epochs")

    def load(self, source: Source, *, targets: bool = True) -> Points:
        if source.path == "bad":
            raise InputError("this cannot be read", file="bad", found="nothing", expected="data")
        return Points(np.arange(20.0), np.arange(20) // 2)

    def progress(
        self, config: CurveConfig, data: Points, worker: Worker, state: State | None = None
    ) -> Iterator[Progress]:
        generator = np.random.default_rng(config.seed)
        done = 0
        if state is not None:
            generator.bit_generator.state = state.values["generator"]
            done = int(state.values["step"])
        print(f"begins after epoch {done}", flush=True)
        epochs = 0 if config.kind == "nothing" else config.epochs
        for step in range(done + 1, epochs + 1):
            time.sleep(config.pause)
            compute(config.work)
            score = config.height * (1 - np.exp(-config.rate * step))
            score += config.noise * generator.standard_normal()
            if step == config.at:
                score = happen(config, score)
            weights = np.full(3, float(score))
            values = {"step": step, "generator": generator.bit_generator.state}
            yield Progress(
                step,
                lambda weights=weights, values=values: State({"weights": weights}, values),
                reported(config, step, score),
                {"loss": 1 - score / 2},
            )

    def refit(
        self,
        config: CurveConfig,
        data: Points,
        worker: Worker,
        budget: int | None,
        state: State | None = None,
    ) -> Iterator[Progress]:
        calm = config.model_copy(update={"kind": "curve", "epochs": budget or config.epochs})
        for item in self.progress(calm, data, worker, state):
            yield Progress(item.fidelity, item.state)

    def predict(
        self, config: CurveConfig, state: State, data: Points, worker: Worker
    ) -> pd.DataFrame:
        return pd.DataFrame(
            {"id": np.arange(len(data.values)), "value": state.arrays["weights"][0]}
        )

    def evaluate(
        self, config: CurveConfig, state: State, data: Points, worker: Worker
    ) -> dict[str, float]:
        score = float(state.arrays["weights"][0])
        return {"score": score, "loss": 1 - score}

    def baselines(
        self, config: CurveConfig, data: Points, test: Points | None, worker: Worker
    ) -> dict[str, dict[str, float]]:
        return {"zero": {"score": 0.0, "loss": 1.0}}


LARGE = 5_000_000  # values of 8 bytes


class Large(Curve):
    """The same beside arrays that are worth counting."""

    def load(self, source: Source, *, targets: bool = True) -> Points:
        return Points(np.arange(float(LARGE)), (np.arange(LARGE) % 10).astype(np.int8))


class OnGpu(Curve):
    """The same, for a GPU that nobody has."""

    devices = ("cpu", "cuda")


class Pair(Curve):
    """The same, for at most two workers whatever is asked for: so the data want it."""

    max_workers = 9

    def check(self, config: CurveConfig, data: Points, num_workers: int = 1) -> None:
        if num_workers > 2:
            raise InputError("too many", where="--workers-per-trial", found=num_workers)


class Together(Curve):
    """The same by a group of workers; what happens, happens to the last of them alone."""

    framework = "torch"
    max_workers = 4

    def progress(
        self, config: CurveConfig, data: Points, worker: Worker, state: State | None = None
    ) -> Iterator[Progress]:
        if worker.rank != worker.world_size - 1 and config.kind != "input":
            config = config.model_copy(update={"kind": "curve"})
        print(f"worker {worker.rank} of {worker.world_size}, process {os.getpid()}", flush=True)
        for item in super().progress(config, data, worker, state):
            assert worker.sum(np.array([item.fidelity]))[0] == item.fidelity * worker.world_size
            yield item


def happen(config: CurveConfig, score: float) -> float:
    """What `kind` says."""
    if config.kind == "nan":
        return float("nan")
    if config.kind == "infinite":
        return float("inf")
    if config.kind == "input":
        raise InputError("too small", where="parameters.height")
    if config.kind == "data":
        raise DataError("a value is missing", where="row 3")
    if config.kind == "interrupt":
        raise KeyboardInterrupt
    if config.kind == "bug":
        raise RuntimeError("a bug of the family's")
    if config.kind == "memory":
        raise MemoryError("out of memory")
    if config.kind == "hog":
        kept = np.ones(int(config.options) // 8)
        time.sleep(60)
        del kept
    if config.kind == "exit":
        raise SystemExit(1)
    if config.kind == "die between":  # the process dies as it is handed to the next trial
        from distrib.study.worker.trial_actor import TrialActor

        TrialActor.reset_config = lambda self, new: os.kill(os.getpid(), 9)  # type: ignore[assignment,return-value]
    if config.kind == "stop":
        os.kill(os.getpid(), 19)
    if config.kind == "die":
        os.kill(os.getpid(), 9)
    if config.kind == "die after":  # once this unit has been told
        threading.Timer(0.3, os.kill, (os.getpid(), 9)).start()
    if config.kind == "die once" and not Path(config.options).exists():
        Path(config.options).touch()
        os.kill(os.getpid(), 9)
    return score


def reported(config: CurveConfig, step: int, score: float) -> dict[str, Any]:
    """The metrics of a unit: a silent one has none, and one of text is no number."""
    if config.kind == "silent":
        return {}
    if config.kind == "text" and step == config.at:
        return {"score": "high", "loss": "low"}
    return {"score": float(score), "loss": 1 - score}


def compute(seconds: float) -> None:
    """Keep the processor busy for so much processor time of this thread."""
    end = time.thread_time() + seconds
    while time.thread_time() < end:
        np.sqrt(np.arange(2000.0)).sum()
