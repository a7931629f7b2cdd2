"""What the families share that predict a screen: data, folds, metrics, baselines, what is written.

Each of them says what it fits; that all are judged alike, row by row and gene by gene, on the same
folds and beside the same baselines, is said here.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar, Literal, TypeVar

import numpy as np
import pandas as pd
from pydantic import Field

from distrib.data.files.ids import examples
from distrib.data.screens.example_screen import write_example
from distrib.data.screens.profiles import gene_end_profiles
from distrib.data.screens.scoring.intervals import intervals
from distrib.data.screens.scoring.scores import row_table, scores
from distrib.data.screens.screen import Screen
from distrib.data.screens.screen_checks import require_variety
from distrib.data.screens.screen_reader import load_screen
from distrib.data.screens.simulate_screen import simulated_screen
from distrib.data.splits import fold_ids
from distrib.errors import InputError
from distrib.trainables.base import Config, Metric, Progress, Source, State, Trainable, Worker
from distrib.trainables.capabilities import (
    ArtifactInputs,
    ChecksTraining,
    ComparesRows,
    EvaluatesRows,
    HasBaselines,
    HasExample,
    HasIntervals,
    Judged,
    LimitsSpace,
    NamesRows,
    Unfit,
    WritesArtifacts,
)
from distrib.trainables.screens.baselines import judged_baselines, training_mean
from distrib.trainables.screens.row_weights import (
    PLAIN_MEAN,
    RowWeights,
    remember_mean,
    row_weights,
    rows_that_weigh,
)
from distrib.trainables.training_rows import remember

METRICS = (
    Metric("pearson", "max", "of predicted and measured profile, mean over rows"),
    Metric(
        "delta_pearson",
        "max",
        "of the prediction less the training mean and of the measured less the mean of the rows "
        "held out with it, over rows",
    ),
    Metric("rmse", "min", "of profiles, mean over rows"),
    Metric("mae", "min", "of profiles, mean over rows"),
    Metric("mse", "min", "of profiles, mean over rows"),
    Metric("l2", "min", "length of a profile's error, mean over rows"),
    Metric("pearson_column", "max", "of a target over rows, within folds, mean over targets"),
    Metric("delta_pearson_column", "max", "the same as pearson_column (its former name)"),
    Metric("rmse_column", "min", "of a target, mean over targets"),
    Metric("mae_column", "min", "of a target, mean over targets"),
    Metric("auroc", "max", "of responding targets by the size of their prediction, over rows"),
    Metric("auprc", "max", "of the same, average precision"),
)


FINISHED = (
    Metric(
        "discrimination",
        "max",
        "perturbation discrimination score: share of the others held out together that are no "
        "nearer (L1) to the prediction than its own profile, over rows; noise has 0.5",
    ),
    Metric(
        "centroid_accuracy",
        "max",
        "share of the others that lie farther (L2) from the prediction than its own profile, over "
        "rows; noise has 0.5",
    ),
    Metric(
        "de_overlap",
        "max",
        "of the k targets that respond, the share among the k largest predicted, over rows",
    ),
)
"""Of finished models alone: they take a distance for every two rows."""


class ScreenSource(Source):
    """The user's screen, or one of the default ones."""

    set: Literal["gene-ends", "simulated"] = Field(
        "gene-ends",
        description="default data where no path is given: trimming profiles of gene ends (real), "
        "or a simulated screen of 377 perturbations and 4,912 genes",
    )


class ScreenConfig(Config):
    """What is validated on, and how much each row counts in training."""

    folds: int = Field(
        5, ge=2, description="folds of the cross-validation, where the data bring none of their own"
    )
    fold_seed: int = Field(0, ge=0, description="seed of the folds, the same for all trials")
    row_weights: RowWeights = Field(
        "none",
        description="how much each row counts in training: all alike, by the weights given with "
        "the data, or by the number of targets it holds; scores weigh all alike",
    )


C = TypeVar("C", bound=ScreenConfig)


class ScreenTrainable(
    Trainable[C, ScreenSource, Screen],
    NamesRows[Screen],
    ChecksTraining[C, Screen],
    LimitsSpace[Screen],
    EvaluatesRows[C, Screen],
    HasIntervals[C, Screen],
    HasBaselines[C, Screen],
    ComparesRows[C, Screen],
    WritesArtifacts[C, Screen],
    HasExample,
):
    """A family that predicts the targets of a screen's rows.

    Its states carry `columns` (the targets' names) and `num_inputs` among their values.

    Attributes:
        needs: what a screen must know beside its targets: "inputs", "sequences", "gene_inputs".
    """

    Source = ScreenSource
    metrics: ClassVar[tuple[Metric, ...]] = METRICS
    needs: ClassVar[tuple[str, ...]] = ("inputs",)
    compared: ClassVar[tuple[str, ...]] = ("rmse",)
    finished: ClassVar[tuple[Metric, ...]] = FINISHED

    def needs_of(self, config: C) -> tuple[str, ...]:
        """What a configuration must know, where that depends on it."""
        return self.needs

    @abstractmethod
    def apply(self, config: C, state: State, data: Screen, worker: Worker) -> np.ndarray:
        """(rows, G) predictions of a finished model, in the order of its own columns."""

    @abstractmethod
    def fitted_mean(self, state: State) -> np.ndarray:
        """(G,) mean of the targets that a finished model was trained on, weighed as its rows."""

    def training_mean(self, state: State) -> np.ndarray:
        """(G,) the same of all rows alike, which scores are of differences to."""
        plain = state.arrays.get(PLAIN_MEAN)
        return self.fitted_mean(state) if plain is None else plain

    def load(self, source: ScreenSource, *, targets: bool = True) -> Screen:
        """The user's screen (see `load_screen`), or one of the default ones."""
        if source.path is not None:
            return load_screen(source.path, targets=targets)
        return gene_end_profiles() if source.set == "gene-ends" else simulated_screen()

    def row_ids(self, data: Screen) -> np.ndarray:
        """The ids."""
        return data.ids

    def check(self, config: C, data: Screen, num_workers: int = 1) -> None:
        """There are rows for every fold, targets, weights where asked, and what is needed."""
        parts = folds_of(config, data)
        require_variety(require_targets(data))
        weights = row_weights(config.row_weights, data)
        for part in parts:
            rows_that_weigh(weights, np.setdiff1d(np.arange(len(data)), part))
        require_parts(data, self.needs_of(config))

    def unfit(self, data: Screen) -> list[Unfit]:
        """What says nothing of a single target a row; responders and weights that are not known."""
        found = []
        if data.weights is None:
            found.append(Unfit("row_weights", "given", "the data have no weights of the rows"))
        if len(data.columns) == 1:
            for name in ("pearson", "delta_pearson", "rmse", "mae", "l2"):
                found.append(Unfit("metric", name, "the data have one target only"))
        if data.responding is None:
            for name in ("auroc", "auprc"):
                found.append(Unfit("metric", name, "the data do not say which targets respond"))
        return found

    def remember(self, config: C, data: Screen, items: Iterator[Progress]) -> Iterator[Progress]:
        """The items of a refit, whose states say which rows it trains on, and their plain mean."""
        if config.row_weights != "none":
            items = remember_mean(items, training_mean(require_targets(data)))
        return remember(items, self.row_ids(data))

    def predict(self, config: C, state: State, data: Screen, worker: Worker) -> pd.DataFrame:
        """`id` and a column for each target."""
        check_inputs(state, data, self.needs_of(config))
        return as_frame(data.ids, state.values["columns"], self.apply(config, state, data, worker))

    def evaluate(self, config: C, state: State, data: Screen, worker: Worker) -> dict[str, float]:
        """Every metric; differences are to the mean of the rows trained on."""
        judged = known_targets(state, data, self.needs_of(config))
        predicted = self.apply(config, state, data, worker)
        return scores(predicted, judged, self.training_mean(state), finished=True)

    def evaluate_rows(self, config: C, state: State, data: Screen, worker: Worker) -> pd.DataFrame:
        """`id` and every metric of the row."""
        judged = known_targets(state, data, self.needs_of(config))
        predicted = self.apply(config, state, data, worker)
        return row_table(predicted, judged, self.training_mean(state), finished=True)

    def intervals(
        self, config: C, state: State, data: Screen, worker: Worker
    ) -> dict[str, tuple[float, float]]:
        """Of every metric, by a bootstrap over rows."""
        judged = known_targets(state, data, self.needs_of(config))
        predicted = self.apply(config, state, data, worker)
        return intervals(predicted, judged, self.training_mean(state), finished=True)

    def held_out_intervals(
        self, config: C, data: Screen, predictions: pd.DataFrame
    ) -> dict[str, tuple[float, float]]:
        """Of predictions out of fold, `id` and a column for each target."""
        predicted = predictions[data.columns.tolist()].to_numpy(dtype=np.float32)
        return intervals(predicted, data, reference(config, data), parts_of(config, data))

    def held_out_rows(
        self, config: C, data: Screen, predictions: pd.DataFrame, *, finished: bool = False
    ) -> pd.DataFrame:
        """`id` and every metric of each row, out of fold."""
        predicted = predictions[data.columns.tolist()].to_numpy(dtype=np.float32)
        parts = parts_of(config, data)
        return row_table(predicted, data, reference(config, data), parts, finished)

    def baselines(
        self, config: C, data: Screen, test: Screen | None, worker: Worker
    ) -> dict[str, dict[str, float]]:
        """Their figures alone."""
        judged = self.judged_baselines(config, data, test, worker)
        return {name: found.figures for name, found in judged.items()}

    def judged_baselines(
        self, config: C, data: Screen, test: Screen | None, worker: Worker
    ) -> dict[str, Judged]:
        """See `screens.baselines`; on the folds that the family itself is validated on."""
        return judged_baselines(data, folds_of(config, data), test)

    def write_artifacts(
        self,
        config: C,
        state: State,
        data: Screen,
        worker: Worker,
        folder: Path,
        inputs: ArtifactInputs,
    ) -> list[str]:
        """Predictions out of fold, a table of the rows, pictures of both."""
        from distrib.trainables.screens.artifacts import write_artifacts

        if inputs.held_out is None:
            return [
                "its predictions out of fold are missing: they are kept of the --keep best trials "
                "that are complete"
            ]
        predicted = inputs.held_out[data.columns.tolist()].to_numpy(dtype=np.float32)
        parts = parts_of(config, data)
        return write_artifacts(folder, data, predicted, reference(config, data), parts)

    def example(self, folder: Path) -> None:
        """A few of the gene ends of the default data."""
        write_example(folder)


def folds_of(config: ScreenConfig, data: Screen) -> list[np.ndarray]:
    """The rows of each fold: the data's own folds, or groups dealt by `config.fold_seed`.

    Raises:
        InputError: where there are fewer than two folds to be had.
    """
    folds = data.folds
    if folds is None:
        folds = fold_ids(data.groups, config.folds, config.fold_seed)
    parts = [np.flatnonzero(folds == fold) for fold in np.unique(folds)]
    if len(parts) < 2:
        raise InputError(
            "one fold only: nothing would be left to train on",
            where="folds",
            found=f"{len(data)} rows, all in one fold",
            expected="rows in at least two folds",
        )
    return parts


def parts_of(config: ScreenConfig, data: Screen) -> np.ndarray:
    """(rows,) int64 the fold that each row is held out with."""
    parts = np.empty(len(data), dtype=np.int64)
    for fold, rows in enumerate(folds_of(config, data)):
        parts[rows] = fold
    return parts


def reference(config: ScreenConfig, data: Screen) -> np.ndarray:
    """(rows, G) the mean profile of the rows that each row's fold was trained on."""
    targets = require_targets(data)
    means = np.empty(targets.shape, dtype=np.float32)
    for part in folds_of(config, data):
        means[part] = training_mean(np.delete(targets, part, axis=0))
    return means


def require_targets(data: Screen) -> np.ndarray:
    """(rows, G) targets, NaN where not measured; raises where there are none."""
    if data.targets is None:
        raise InputError("these data have no targets", expected="targets, to train or to judge")
    return data.targets


def require_parts(data: Screen, needs: tuple[str, ...]) -> None:
    """Raise where a screen lacks what a family cannot do without."""
    lacking = {
        "inputs": not data.inputs.shape[1],
        "sequences": data.sequences is None,
        "gene_inputs": data.gene_inputs is None,
    }
    words = {
        "inputs": ("embeddings of the rows", "embeddings.npz"),
        "sequences": ("sequences of the rows", "sequences.csv, or a FASTA file"),
        "gene_inputs": ("embeddings of the genes", "gene_embeddings.npz"),
    }
    for part in needs:
        if lacking[part]:
            what, file = words[part]
            raise InputError(f"these data have no {what}, which this family needs", expected=file)


def check_inputs(state: State, data: Screen, needs: tuple[str, ...]) -> None:
    """Raise where rows are not of the kind that the model was trained on."""
    require_parts(data, tuple(part for part in needs if part != "gene_inputs"))
    expected, found = state.values["num_inputs"], data.inputs.shape[1]
    if "inputs" in needs and expected != found:
        raise InputError(
            "the inputs are not of the size that the model was trained on",
            found=f"{found} inputs a row",
            expected=f"{expected} inputs a row",
        )


def known_targets(state: State, data: Screen, needs: tuple[str, ...]) -> Screen:
    """Data to be judged on, their columns in the model's order.

    Raises:
        InputError: where inputs or targets are not those of the model.
    """
    check_inputs(state, data, needs)
    targets = require_targets(data)
    columns, found = state.values["columns"], data.columns.tolist()
    if columns == found:
        return data
    if sorted(columns) != sorted(found):
        known, given = set(columns), set(found)
        lacking = [name for name in columns if name not in given]
        others = [name for name in found if name not in known]
        told = [("lacks", lacking), ("has beside them", others)]
        raise InputError(
            "the targets are not those that the model was trained on",
            found="; ".join(f"{what} {len(n)}: {examples(n)}" for what, n in told if n),
            expected=f"the {len(columns)} targets of the model",
        )
    at = {name: position for position, name in enumerate(found)}
    order = [at[name] for name in columns]
    return Screen(
        ids=data.ids,
        inputs=data.inputs,
        targets=targets[:, order],
        columns=np.array(columns, dtype=str),
        groups=data.groups,
        sequences=data.sequences,
        responding=None if data.responding is None else data.responding[:, order],
    )


def as_frame(ids: np.ndarray, columns: list[str], predicted: np.ndarray) -> pd.DataFrame:
    """`id` and a column for each target."""
    frame = pd.DataFrame(predicted, columns=columns)
    frame.insert(0, "id", ids, allow_duplicates=True)
    return frame


def model_values(data: Screen) -> dict[str, Any]:
    """What every state of these families says of the data it was trained on."""
    return {"columns": data.columns.tolist(), "num_inputs": data.inputs.shape[1]}
