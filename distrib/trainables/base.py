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
from typing import Any, ClassVar, Generic, Literal, Protocol, Self, TypeVar

import numpy as np
import pandas as pd
from pydantic import BaseModel, ConfigDict, Field

Direction = Literal["min", "max"]


class Config(BaseModel):
    """Every hyperparameter of a family: type, default, bounds, one line of help (`description`).

    Attributes:
        seeds: the fields whose values are repetitions of one configuration.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)
    seeds: ClassVar[tuple[str, ...]] = ("seed",)

    seed: int = Field(0, ge=0, description="seed of everything random in this training")


class Source(BaseModel):
    """What `load` reads: the user's path, or the family's default data where `path` is None."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    path: str | None = Field(None, description="folder or file with the user's own data")

    def elsewhere(self, path: str) -> Self:
        """The same for other data: what names the user's first ones alone is left out."""
        return self.model_copy(update={"path": path})


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
        config_key: the field of `Config` that holds the budget: the most units of a training.
        selects: whether a trial is worth its best unit (a learning curve that may be cut there)
            or its last one (a running mean over folds).
    """

    unit: str
    config_key: str
    selects: Literal["best", "last"] = "best"


@dataclass(frozen=True)
class State:
    """Everything needed to go on exactly where it was taken: arrays and plain (JSON) values."""

    arrays: Mapping[str, np.ndarray]
    values: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Progress:
    """One item of a training.

    Attributes:
        fidelity: units completed so far, counted from 1 (0 before the first is).
        state: takes the state as it is now; call it before the generator goes on.
        metrics: the values of this unit, or None where this is only a chance to save or to stop.
        train: values of the training set for the training curves (never ranked).
        held_out: makes a table of the predictions for rows held out, as `predict` does; None where
            there are none. Kept for the trials that keep their weights.
        tables: make what else is worth a look, small tables by name, such as the curve of a
            parameter that was chosen inside the training. Kept for every trial.
        samples: makes tables that are worth a look in every unit, by name, such as what a generator
            draws meanwhile. Of every trial the rows of all units are kept.
        model: takes the model alone, a state that `predict` and `evaluate` take, with which no
            training can go on; call it before the generator goes on. None where the family only
            has a model after `refit` (`Trainable.refits`).
        part: of a chance, tells how much of the unit under way is done, above 0 and below 1; None
            where that is not known. What a long unit will take is foretold by it.

    `held_out` and `tables` are of this unit, also when they are called later; `samples` is called
    before the generator goes on.
    """

    fidelity: int
    state: Callable[[], State]
    metrics: Mapping[str, float] | None = None
    train: Mapping[str, float] = field(default_factory=dict)
    held_out: Callable[[], pd.DataFrame] | None = None
    tables: Mapping[str, Callable[[], pd.DataFrame]] = field(default_factory=dict)
    samples: Callable[[], Mapping[str, pd.DataFrame]] | None = None
    model: Callable[[], State] | None = None
    part: Callable[[], float] | None = None


@dataclass(frozen=True)
class Worker:
    """Where a training runs: one process of `world_size`, with so many threads, on this device.

    The methods are what a process does together with the others of its group, all of them in the
    same order; alone it does nothing. `training.data_parallel.TorchWorker` is a worker of a group.
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
    """What `load` gives and all workers of a study share: arrays, or the plan of a stream."""

    def describe(self) -> dict[str, Any]:
        """Plain values for the record: sizes, ids, a fingerprint of the content (`fingerprint`)."""


class Rows(Data, Protocol):
    """Data in memory: plain arrays, which Ray shares between processes without copying.

    A test part is set aside by `groups` and `take`; a family of other data does it by itself
    (`capabilities.PartitionsData`).
    """

    @property
    def groups(self) -> np.ndarray:
        """(rows,) integers; rows of one group are never parted between training and test."""

    def take(self, rows: np.ndarray) -> Self:
        """The part with these rows, (n,) integer positions, in their order."""


C = TypeVar("C", bound=Config)
S = TypeVar("S", bound=Source)
D = TypeVar("D", bound=Data)


class Trainable(ABC, Generic[C, S, D]):
    """One model family: its hyperparameters, its data, and how it trains, predicts and is judged.

    These five methods are all that a family must have. What only some can do is a capability, see
    `capabilities`.

    Attributes:
        Config: its hyperparameters. Source: its data options.
        metrics: what it reports; the first is the default objective.
        fidelity: what a scheduler counts, or None for a model that reports once.
        refits: whether the winner is trained again on every row where a space does not say it; if
            it is not, the weights of its best unit are the model (`Progress.model`, which every
            item with metrics then has). None: it always is, since a unit's state is no model.
        max_workers: 1 where data-parallel training makes no sense, None for any number. More than
            one is for torch: `progress` then runs on every worker, each reporting the same.
        framework: what its workers import, so that they can do so while they wait.
        precisions, devices: those of `Worker` that it can use, its default first.
    """

    Config: ClassVar[type[Config]] = Config
    Source: ClassVar[type[Source]] = Source

    metrics: ClassVar[tuple[Metric, ...]]
    fidelity: ClassVar[Fidelity | None] = None
    refits: ClassVar[bool | None] = None

    max_workers: ClassVar[int | None] = 1
    framework: ClassVar[Literal["torch", "jax", "xgboost"] | None] = None
    precisions: ClassVar[tuple[str, ...]] = ("float32",)
    devices: ClassVar[tuple[str, ...]] = ("cpu",)

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
        self, config: C, data: D, worker: Worker, budget: int | None, state: State | None = None
    ) -> Iterator[Progress]:
        """Train on every row, without validation: items carry no metrics.

        The last item's state is the model: `predict` and `evaluate` take it.

        Args:
            budget: units of fidelity to train for; None: to the end.
        """

    @abstractmethod
    def predict(self, config: C, state: State, data: D, worker: Worker) -> pd.DataFrame:
        """One row per row of the data, ids first."""

    @abstractmethod
    def evaluate(self, config: C, state: State, data: D, worker: Worker) -> dict[str, float]:
        """Every metric of `metrics` (and more) of a refitted model on data it has not seen."""
