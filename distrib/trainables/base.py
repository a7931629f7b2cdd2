"""The contract of a model family: a trainable is a generator of progress.

A trainable knows nothing of Ray, of Optuna or of where it runs. It is a class without state of its
own; `progress` yields as the training goes on, and whoever drives it decides when to save or stop.
The module of a family must import neither torch nor JAX at its top: the driver reads `Config` and
`metrics` from it, and only workers compute.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, Generic, Literal, Protocol, Self, TypeVar

import numpy as np
import pandas as pd
from pydantic import BaseModel, ConfigDict, Field

from distrib.data.splits import holdout
from distrib.errors import InputError

Direction = Literal["min", "max"]


class Config(BaseModel):
    """Every hyperparameter of a family: type, default, bounds, one line of help (`description`)."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    seed: int = Field(0, ge=0, description="seed of everything random in this training")


class Source(BaseModel):
    """What `load` reads: the user's path, or the family's default data where `path` is None."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    path: str | None = Field(None, description="folder or file with the user's own data")


@dataclass(frozen=True)
class Metric:
    """A name that a family reports, and which way is better."""

    name: str
    direction: Direction
    help: str = ""


@dataclass(frozen=True)
class Fidelity:
    """What a scheduler counts.

    Attributes:
        unit: its name in the singular, such as "epoch" or "fold".
        config_key: the field of `Config` that holds the most units of a training.
        selects: whether a trial is worth its best unit (a learning curve that may be cut there)
            or its last one (a running mean over folds).
    """

    unit: str
    config_key: str
    selects: Literal["best", "last"] = "best"


@dataclass(frozen=True)
class Unfit:
    """A value that the data do not allow.

    Attributes:
        name: of a parameter, or "metric". value: of that parameter, or a metric's name.
        reason: why, in one line.
    """

    name: str
    value: Any
    reason: str


@dataclass(frozen=True)
class State:
    """Everything needed to go on exactly where it was taken: arrays and plain (JSON) values."""

    arrays: Mapping[str, np.ndarray]
    values: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Progress:
    """One item of a training.

    Attributes:
        step: units of fidelity completed so far, counted from 1.
        state: takes the state as it is now; call it before the generator goes on.
        metrics: the values of this unit, or None where this is only a chance to save or to stop.
        train: values of the training set for the training curves (never ranked).
        held_out: makes a table of the predictions for rows held out, as `predict` does; None where
            there are none. Kept for the trials that keep their weights.
        tables: make what else is worth a look, small tables by name, such as the curve of a
            parameter that was chosen inside the training. Kept for every trial.

    `held_out` and `tables` are of this unit, also when they are called later.
    """

    step: int
    state: Callable[[], State]
    metrics: Mapping[str, float] | None = None
    train: Mapping[str, float] = field(default_factory=dict)
    held_out: Callable[[], pd.DataFrame] | None = None
    tables: Mapping[str, Callable[[], pd.DataFrame]] = field(default_factory=dict)


@dataclass(frozen=True)
class ArtifactInputs:
    """What is known of a finished model beside its state.

    Attributes:
        replicates: rows of `bootstrap`, where they were asked for.
        held_out: predictions for the rows held out, of the trial that was chosen.
    """

    replicates: pd.DataFrame | None = None
    held_out: pd.DataFrame | None = None


@dataclass(frozen=True)
class Worker:
    """Where a training runs: one process of `world_size`, with so many threads, on this device.

    The methods are what a process does together with the others of its group, all of them in the
    same order; alone it does nothing. `parallel.TorchWorker` is a worker of a group.
    """

    rank: int = 0
    world_size: int = 1
    device: str = "cpu"
    threads: int = 1
    precision: Literal["float32", "bfloat16", "float16", "float64"] = "float32"

    def wrap(self, model: Any) -> Any:
        """The model made ready for data-parallel training; in one process, the model itself."""
        return model

    def apart(self, model: Any) -> AbstractContextManager[Any]:
        """Forward and backward passes of a wrapped model that leave gradients of its own."""
        return nullcontext()

    def sum(self, array: np.ndarray) -> np.ndarray:
        """The sum of an array over the workers, at each of them."""
        return array

    def agree(self, values: Sequence[float]) -> list[float]:
        """The values of rank 0, at every worker."""
        return list(values)


class Data(Protocol):
    """What `load` gives: plain arrays, so that Ray shares them between processes uncopied.

    Data larger than memory are the plan of a stream instead; they have neither `groups` nor `take`,
    and their family has its own `set_aside` and `count`.
    """

    @property
    def groups(self) -> np.ndarray:
        """(rows,) integers; rows of one group are never parted between training and test."""

    def take(self, rows: np.ndarray) -> Self:
        """The part with these rows, (n,) integer positions, in their order."""

    def describe(self) -> dict[str, Any]:
        """Plain values for the record: sizes, ids, a fingerprint of the content (`fingerprint`)."""


C = TypeVar("C", bound=Config)
S = TypeVar("S", bound=Source)
D = TypeVar("D", bound=Data)


class Trainable(ABC, Generic[C, S, D]):
    """One model family.

    Attributes:
        Config: its hyperparameters. Source: its data options.
        metrics: what it reports; the first is the default objective.
        fidelity: what a scheduler counts, or None for a model that reports once.
        max_workers: 1 where data-parallel training makes no sense, None for any number. More than
            one is for torch: `progress` then runs on every worker, each reporting the same.
        framework: what its workers import, so that they can do so while they wait.
        precisions, devices: those of `Worker` that it can use, its default first.
        bootstraps: what its bootstrap can draw with replacement, its default first; none without.
    """

    Config: ClassVar[type[Config]] = Config
    Source: ClassVar[type[Source]] = Source
    metrics: ClassVar[tuple[Metric, ...]]
    fidelity: ClassVar[Fidelity | None] = None
    max_workers: ClassVar[int | None] = 1
    framework: ClassVar[Literal["torch", "jax", "xgboost"] | None] = None
    precisions: ClassVar[tuple[str, ...]] = ("float32",)
    devices: ClassVar[tuple[str, ...]] = ("cpu",)
    bootstraps: ClassVar[tuple[str, ...]] = ()

    @abstractmethod
    def load(self, source: S, *, targets: bool = True) -> D:
        """Read and check the data.

        Args:
            source: where it lies.
            targets: whether the data must carry what is to be predicted (False for `predict`).

        Raises:
            InputError: naming file, row or key, what was found and what was expected.
        """

    @abstractmethod
    def progress(
        self, config: C, data: D, worker: Worker, state: State | None = None
    ) -> Iterator[Progress]:
        """Train with validation (selection), from the beginning or exactly where `state` was taken.

        An item is due at least every 30 s of work. Values that are not finite are reported as they
        are: stopping a diverged training is the driver's affair.
        """

    @abstractmethod
    def refit(
        self, config: C, data: D, worker: Worker, units: int | None, state: State | None = None
    ) -> Iterator[Progress]:
        """Train on every row for `units` of fidelity (None: to the end); items carry no metrics.

        The last item's state is the model: `predict` and `evaluate` take it.
        """

    @abstractmethod
    def predict(self, config: C, state: State, data: D, worker: Worker) -> pd.DataFrame:
        """One row per row of the data, ids first."""

    @abstractmethod
    def evaluate(self, config: C, state: State, data: D, worker: Worker) -> dict[str, float]:
        """Every metric of `metrics` (and more) of a refitted model on data it has not seen."""

    def set_aside(self, data: D, fraction: float, seed: int) -> tuple[D, D | None]:
        """The rows to search on and those for the test, None without any; no group is parted."""
        rest, test = holdout(data.groups, fraction, seed)
        return (data.take(rest), data.take(test)) if len(test) else (data, None)

    def count(self, data: D) -> int:
        """The number of rows."""
        return len(data.groups)

    def row_ids(self, data: D) -> np.ndarray | None:
        """(rows,) str: names under which a row is known again in other data; None without any.

        A family that has them keeps them in the states of `refit` (`training_rows.remember`).
        """
        return None

    def check(self, config: C, data: D, num_workers: int = 1) -> None:
        """Whether a training with this configuration can begin on these data, by so many workers.

        Raises:
            InputError: it cannot, such as where there are fewer groups than folds.
        """

    def check_rows(self, config: C, data: D) -> None:
        """Whether a model of this configuration can be applied to these rows.

        Asked also of the rows that are set aside, before anything is trained.
        """

    def units(self, config: C, data: D) -> int | None:
        """Units of a training where the data decide it, such as by folds of their own; else None:
        as many as the configuration says."""
        return None

    def unfit(self, data: D) -> list[Unfit]:
        """What these data do not allow: left out of a search, refused where it is asked for."""
        return []

    def evaluate_rows(self, config: C, state: State, data: D, worker: Worker) -> pd.DataFrame:
        """The same, a row per row of the data; families without such a table give an empty one."""
        return pd.DataFrame()

    def intervals(
        self, config: C, state: State, data: D, worker: Worker
    ) -> dict[str, tuple[float, float]]:
        """The 95% interval of what `evaluate` gives, by name; of some metrics, or of none."""
        return {}

    def held_out_intervals(
        self, config: C, data: D, predictions: pd.DataFrame
    ) -> dict[str, tuple[float, float]]:
        """The same of predictions for the rows held out (`Progress.held_out`)."""
        return {}

    def baselines(
        self, config: C, data: D, test: D | None, worker: Worker
    ) -> dict[str, dict[str, float]]:
        """What simple models reach: name -> metric -> value; test figures as `test/<metric>`.

        `config` is any valid configuration: what it fixes of validation (folds) is used.
        """
        return {}

    def bootstrap(
        self, config: C, state: State, data: D, worker: Worker, seeds: Sequence[int], of: str
    ) -> pd.DataFrame:
        """The finished model fitted again to resampled data: a row per seed.

        Columns: `seed`, and whatever `outputs` makes of the replicates. A row depends on its seed
        alone, not on those beside it.

        Args:
            state: of the finished model, fitted to the same `data`.
            of: what is drawn with replacement, one of `bootstraps`.
        """
        raise InputError("this family has no bootstrap", found=type(self).__name__)

    def draws(self, data: D) -> tuple[str, ...]:
        """Which of `bootstraps` these data allow."""
        return self.bootstraps

    def outputs(
        self,
        config: C,
        state: State,
        data: D,
        worker: Worker,
        folder: Path,
        known: ArtifactInputs,
    ) -> list[str]:
        """Write what is to stand beside the weights, tables and pictures; files appear whole.

        Args:
            state: of the finished model, fitted to the same `data`.
            folder: it exists.

        Returns:
            What the reader should know of the model, a line each.
        """
        return []

    def example(self, folder: Path) -> None:
        """Write a small data set of the form that `load` takes into `folder` (it exists, empty)."""
        raise InputError("this family has no example data", found=type(self).__name__)
