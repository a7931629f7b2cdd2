"""What some families can do beside the contract: each capability a few methods, and optional.

A family has a capability by having its methods, nothing need be declared; one that names the
capability among its bases is held to it by the type checker. The platform asks
`isinstance(family, Bootstraps)` and does without where that is False.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Protocol, TypeVar, runtime_checkable

import numpy as np
import pandas as pd
from pydantic import BaseModel, ConfigDict, Field

from distrib.data.splits import share_of_test, split_rows
from distrib.errors import InputError
from distrib.trainables.base import Config, Data, Metric, State, Trainable, Worker

C = TypeVar("C", bound=Config, contravariant=True)
D = TypeVar("D", bound=Data)
Of = TypeVar("Of", bound=Data, contravariant=True)
Family = Trainable[Any, Any, Any]


# The data: what they allow, and how they are parted.


@runtime_checkable
class PartitionsData(Protocol[D]):
    """Sets a test part aside in its own way, where the data are no arrays with `groups`."""

    def set_aside(self, data: D, fraction: float, seed: int) -> tuple[D, D | None]:
        """The rows to search on and those for the test, None without any; no group is parted."""

    def count(self, data: D) -> int:
        """The number of rows."""


@runtime_checkable
class ReadLater(Protocol):
    """Data, not a family, whose rows are read from files while a model trains, on any node."""

    def check_here(self) -> None:
        """Whether this machine reaches the files.

        Raises:
            InputError: it does not, or they are others than those that were loaded.
        """


@runtime_checkable
class NamesRows(Protocol[Of]):
    """Knows its rows by name.

    It keeps the names in the states of `refit` (`training_rows.remember`), so that a model judged
    on rows that it was trained on is told apart from one judged on new ones.
    """

    def row_ids(self, data: Of) -> np.ndarray:
        """(rows,) str: the names under which a row is known again in other data."""


@runtime_checkable
class ChecksTraining(Protocol[C, Of]):
    """Refuses what cannot be trained, before a study begins."""

    def check(self, config: C, data: Of, num_workers: int = 1) -> None:
        """Whether a training with this configuration can begin on these data, by so many workers.

        Asked with fewer workers where more are refused and the user allows it.

        Raises:
            InputError: it cannot, such as where there are fewer groups than folds.
        """


@runtime_checkable
class ChecksRows(Protocol[C, Of]):
    """Refuses rows that a model could not be applied to, before it is trained."""

    def check_rows(self, config: C, data: Of) -> None:
        """Whether a model of this configuration can be applied to these rows, the test part.

        Raises:
            InputError: it cannot, such as where a sequence is longer than the model reads.
        """


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


@runtime_checkable
class LimitsSpace(Protocol[Of]):
    """Has choices or metrics that some data do not allow."""

    def unfit(self, data: Of) -> list[Unfit]:
        """What these data do not allow: left out of a search, refused where it is asked for."""


@runtime_checkable
class LimitsBudget(Protocol[C, Of]):
    """Has a budget that the data decide, such as by folds of their own."""

    def budget(self, config: C, data: Of) -> int | None:
        """Units of fidelity of a training; None: as many as the configuration says."""


# The figures: what a score is worth.


@runtime_checkable
class EvaluatesRows(Protocol[C, Of]):
    """Judges row by row."""

    def evaluate_rows(self, config: C, state: State, data: Of, worker: Worker) -> pd.DataFrame:
        """The metrics of `evaluate` for each row of the data, ids first."""


@dataclass(frozen=True)
class Ranking:
    """Rows in the order of their scores.

    Attributes:
        table: a row each, the best first, `rank` and ids first. shown: its columns to look at.
        left_out: how many rows were left out, by the reason in words that follow a number.
        notes: what else became of rows, a line each.
        summary: rows of a kind together, or None.
    """

    table: pd.DataFrame
    left_out: Mapping[str, int]
    shown: Sequence[str]
    summary: pd.DataFrame | None = None
    notes: Sequence[str] = ()


@runtime_checkable
class RanksRows(Protocol[C]):
    """Scores, filters and ranks rows, such as designs, that nobody has measured."""

    def rank(
        self,
        config: C,
        state: State,
        source: Any,
        worker: Worker,
        scorer: Callable[[pd.DataFrame], Any] | None,
    ) -> Ranking:
        """The rows at `source.path`.

        Args:
            scorer: the user's own score of a table of them, the higher the better; None: the
                model's.

        Raises:
            InputError: no row is left, or the scorer fails.
        """


@runtime_checkable
class HasIntervals(Protocol[C, Of]):
    """Says how certain its figures are."""

    def intervals(
        self, config: C, state: State, data: Of, worker: Worker
    ) -> dict[str, tuple[float, float]]:
        """The 95% interval of what `evaluate` gives, by name; of all metrics or of some."""

    def held_out_intervals(
        self, config: C, data: Of, predictions: pd.DataFrame
    ) -> dict[str, tuple[float, float]]:
        """The same of predictions for the rows held out (`Progress.held_out`)."""


@runtime_checkable
class HasBaselines(Protocol[C, Of]):
    """Knows simple models to stand beside its score."""

    def baselines(
        self, config: C, data: Of, test: Of | None, worker: Worker
    ) -> dict[str, dict[str, float]]:
        """What they reach: name -> metric -> value; figures of the test part as `test/<metric>`.

        A bound that no model can beat says so in its name: "saturated (bound)".

        Args:
            config: any valid one: what it fixes of validation (folds) is used.
        """


@runtime_checkable
class Advises(Protocol):
    """Knows the signs of a training that goes amiss."""

    def advice(self, rows: Sequence[Mapping[str, float]]) -> list[str]:
        """What a user should change, a line each with the setting; asked while it trains, too.

        Args:
            rows: of a training, its units so far: `step`, the metrics, `train/<name>`.
        """


@dataclass(frozen=True)
class Judged:
    """A baseline, judged as the winner is.

    Attributes:
        figures: metric -> value; of the test part as `test/<metric>`.
        intervals: "validation" and "test" -> metric -> the 95% interval of its value.
        rows: "validation" and "test" -> `id` and each metric of a row, in the order of the data;
            nothing of a bound, which no model can beat.
    """

    figures: dict[str, float]
    intervals: dict[str, dict[str, tuple[float, float]]]
    rows: dict[str, pd.DataFrame]


@runtime_checkable
class ComparesRows(Protocol[C, Of]):
    """Judges baselines and trials row by row, so that the differences between them can be told.

    With `EvaluatesRows`, which says the same of the finished model.

    Attributes:
        compared: metrics in which a winner is compared with the baselines beside the objective.
        finished: metrics of finished models alone, which no training reports since they take long;
            `evaluate`, `evaluate_rows` and the baselines have them.
    """

    compared: ClassVar[tuple[str, ...]]
    finished: ClassVar[tuple[Metric, ...]]

    def held_out_rows(
        self, config: C, data: Of, predictions: pd.DataFrame, *, finished: bool = False
    ) -> pd.DataFrame:
        """`id` and each metric of a row, of predictions for the rows held out, in the order of the
        data; NaN for rows that were not yet predicted.

        Args:
            finished: whether with those metrics, too.
        """

    def judged_baselines(
        self, config: C, data: Of, test: Of | None, worker: Worker
    ) -> dict[str, Judged]:
        """Those of `HasBaselines.baselines`, in that order."""


# The finished model: what is made of it.


@runtime_checkable
class AveragesPredictions(Protocol):
    """Makes one prediction of those of several models, such as of several seeds."""

    def averaged(self, predictions: Sequence[pd.DataFrame]) -> pd.DataFrame:
        """A table of the same form.

        Args:
            predictions: of each model, for the same rows in the same order.

        Raises:
            InputError: the models predict different things.
        """


@runtime_checkable
class WritesPredictions(Protocol[C, Of]):
    """Writes its predictions as files of the field's own form, such as one for each recording."""

    def write_predictions(
        self,
        models: Sequence[tuple[C, State]],
        data: Of,
        worker: Worker,
        folder: Path,
    ) -> list[str]:
        """Write those of a model, or the mean of several, into `folder`, which exists.

        Each file appears whole; the memory taken does not grow with the data.

        Returns:
            The names of the files.
        """


@runtime_checkable
class Bootstraps(Protocol[C, Of]):
    """Fits a finished model again to resampled data.

    Attributes:
        bootstraps: what can be drawn with replacement, the default first.
    """

    bootstraps: ClassVar[tuple[str, ...]]

    def draws(self, data: Of) -> tuple[str, ...]:
        """Which of `bootstraps` these data allow."""
        return self.bootstraps

    def bootstrap(
        self, config: C, state: State, data: Of, worker: Worker, seeds: Sequence[int], of: str
    ) -> pd.DataFrame:
        """A replicate, a row, per seed: `seed`, and what `write_artifacts` makes use of.

        A row depends on its seed alone, not on those beside it.

        Args:
            state: of the finished model, fitted to the same `data`.
            of: what is drawn with replacement, one of `bootstraps`.
        """


@dataclass(frozen=True)
class ArtifactInputs:
    """What is known of a finished model beside its state.

    Attributes:
        replicates: rows of `Bootstraps.bootstrap`, where they were asked for.
        held_out: predictions for the rows held out, of the trial that was chosen.
    """

    replicates: pd.DataFrame | None = None
    held_out: pd.DataFrame | None = None


@runtime_checkable
class WritesArtifacts(Protocol[C, Of]):
    """Leaves files beside the weights: tables and pictures."""

    def write_artifacts(
        self,
        config: C,
        state: State,
        data: Of,
        worker: Worker,
        folder: Path,
        inputs: ArtifactInputs,
    ) -> list[str]:
        """Write them into `folder`, which exists; each file appears whole.

        Args:
            state: of the finished model, fitted to the same `data`.

        Returns:
            What the reader should know of the model, a line each.
        """


class GenerateOptions(BaseModel):
    """What may be asked of a generation: a family adds fields of its own.

    Each field is an option of `distrib.generate`: `top_p` is `--top-p`, and its description is the
    help. A file is a field of type `Path`; a tuple is given as `5,7,9`.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    num: int = Field(1, ge=1, description="number of samples, of each input where there are some")
    seed: int = Field(0, ge=0, description="seed of everything drawn")


G = TypeVar("G", bound=GenerateOptions, contravariant=True)


@runtime_checkable
class Generates(Protocol[C, G]):
    """Draws new sequences, or whatever it is a model of.

    Attributes:
        Generate: what may be asked for.
    """

    Generate: ClassVar[type[GenerateOptions]]

    def generate(
        self, config: C, state: State, options: G, worker: Worker
    ) -> Iterator[pd.DataFrame]:
        """Tables of samples, a row each, as they are drawn: one after another they are the result.

        All have the same columns, ids or the input's name first. A table is due every few seconds,
        so that any number of samples is written with little memory, and progress can be shown.
        Equal options give equal samples on one machine.

        Raises:
            InputError: an input cannot be read or used; raised before the first table.
        """


@runtime_checkable
class TellsOfSamples(Protocol[C, G]):
    """Says of samples what a user wants to know before looking at them."""

    def notes_of(self, config: C, options: G) -> list[str]:
        """What becomes of the inputs that samples are asked for, a line each.

        Raises:
            InputError: as `Generates.generate`.
        """

    def sample_counts(self, table: pd.DataFrame) -> pd.DataFrame:
        """A row for each kind of sample in a table of them: the kind first, then numbers of samples
        of it, which are summed over the tables.
        """


@runtime_checkable
class NotesRows(Protocol[C, Of]):
    """Changes some rows so that its network can read them."""

    def reading_notes(self, config: C, data: Of) -> list[str]:
        """What is changed, and in how many rows, a line each."""


@runtime_checkable
class HasExample(Protocol):
    """Has example data, for users to see the form that `load` takes."""

    def example(self, folder: Path) -> None:
        """Write a small data set of that form into `folder` (it exists, empty)."""


CAPABILITIES: tuple[Any, ...] = (
    PartitionsData,
    NamesRows,
    ChecksTraining,
    ChecksRows,
    LimitsSpace,
    LimitsBudget,
    EvaluatesRows,
    RanksRows,
    HasIntervals,
    HasBaselines,
    Advises,
    ComparesRows,
    AveragesPredictions,
    WritesPredictions,
    Bootstraps,
    WritesArtifacts,
    Generates,
    TellsOfSamples,
    NotesRows,
    HasExample,
)


RENAMED = {"outputs": "write_artifacts", "units": "budget"}
"""Methods of families by the name that they had: under it nobody would call them any more."""


def check_members(family: Family) -> None:
    """Raise InputError where a family has a method by its old name, or half of a capability."""
    for old, new in RENAMED.items():
        if callable(getattr(family, old, None)):
            raise InputError(
                "a method of families that has another name now",
                where=f"{type(family).__name__}.{old}",
                expected=new,
                hint="its parameters may have changed too: see distrib/trainables/capabilities.py",
            )
    for capability in CAPABILITIES:
        members = {*vars(capability), *capability.__annotations__}
        members = {name for name in members if not name.startswith("_")}
        lacking = sorted(name for name in members if not hasattr(family, name))
        if 0 < len(lacking) < len(members):
            raise InputError(
                f"a family with half a capability ({capability.__name__})",
                where=type(family).__name__,
                found=", ".join(sorted(members - set(lacking))),
                expected=f"also {', '.join(lacking)}",
            )


def set_aside(family: Family, data: Any, fraction: float | None, seed: int) -> tuple[Any, Any]:
    """The rows to search on and those for the test, None without any; no group is parted.

    Args:
        fraction: see `splits.share_of_test`.
    """
    share = share_of_test(data, fraction)
    if isinstance(family, PartitionsData):
        return family.set_aside(data, share, seed)
    rest, test = split_rows(data, "test", share, seed)
    return (data.take(rest), data.take(test)) if len(test) else (data, None)


def count(family: Family, data: Any) -> int:
    """The number of rows."""
    return family.count(data) if isinstance(family, PartitionsData) else len(data.groups)
