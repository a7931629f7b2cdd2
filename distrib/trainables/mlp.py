"""The MLP head: from a vector of inputs (an embedding, a one-hot) to a profile of targets.

A trial is a k-fold cross-validation; all folds train at once as one batched model, so that every
epoch has an out-of-fold score. Scores pool the predictions of each row by the fold that lacked it.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Literal

import numpy as np
import pandas as pd
from pydantic import Field

from distrib.data import metrics
from distrib.data.example_screen import write_example
from distrib.data.profiles import gene_end_profiles
from distrib.data.screen import Screen, load_screen
from distrib.errors import InputError
from distrib.models.ridge import fit_ridge
from distrib.trainables.base import (
    Config,
    Fidelity,
    Metric,
    Progress,
    Source,
    State,
    Trainable,
    Unfit,
    Worker,
)
from distrib.trainables.mlp_data import check_inputs, held_out_rows, known_targets, training_targets
from distrib.trainables.training_rows import remember

if TYPE_CHECKING:
    from distrib.trainables.torch_loop import Recipe


class MlpConfig(Config):
    """The network, its training and its validation."""

    num_layers: int = Field(2, ge=1, le=16, description="hidden layers")
    hidden_width: int = Field(256, ge=1, le=65536, description="units of each hidden layer")
    activation: Literal["relu", "gelu", "silu", "tanh"] = Field(
        "relu", description="what follows each hidden layer"
    )
    dropout: float = Field(0.5, ge=0, le=0.95, description="share of hidden units left out a step")
    norm: Literal["none", "batch", "layer"] = Field(
        "none", description="normalisation before each activation"
    )
    loss: Literal["mse", "cross_entropy"] = Field(
        "mse",
        description="squared error of measured targets, or cross-entropy of rows that sum to 1",
    )
    learning_rate: float = Field(2e-3, gt=0, description="the schedule's peak")
    weight_decay: float = Field(1e-2, ge=0, description="AdamW's, decoupled")
    batch_size: int = Field(64, ge=1, description="most rows of a fold in a batch")
    epochs: int = Field(60, ge=1, description="passes over the training rows")
    schedule: Literal["constant", "cosine", "one-cycle", "plateau"] = Field(
        "cosine", description="how the learning rate moves; plateau watches the training loss"
    )
    warmup: float = Field(
        0.0, ge=0, lt=1, description="fraction of the steps in which the learning rate rises"
    )
    clip_norm: float = Field(1.0, ge=0, description="greatest length of a gradient; 0: unlimited")
    accumulate: int = Field(1, ge=1, description="batches whose gradients make one step")
    patience: int = Field(
        0, ge=0, description="epochs without a better pearson after which to stop; 0: never"
    )
    folds: int = Field(5, ge=2, description="folds, where the data bring none of their own")
    fold_seed: int = Field(0, ge=0, description="seed of the folds, the same for all trials")


class Mlp(Trainable[MlpConfig, Source, Screen]):
    """Multilayer perceptron on vectors, cross-validated as one batched model."""

    Config = MlpConfig
    metrics: ClassVar[tuple[Metric, ...]] = (
        Metric("pearson", "max", "of predicted and measured profile, mean over rows"),
        Metric("delta_pearson", "max", "of their differences to the training mean, over rows"),
        Metric("rmse", "min", "of profiles, mean over rows"),
        Metric("mae", "min", "of profiles, mean over rows"),
        Metric("pearson_column", "max", "of a target over rows, mean over targets"),
        Metric("delta_pearson_column", "max", "of differences to the training mean, over targets"),
        Metric("rmse_column", "min", "of a target, mean over targets"),
        Metric("mae_column", "min", "of a target, mean over targets"),
        Metric("loss", "min", "what is minimised, on held-out rows"),
    )
    fidelity = Fidelity(unit="epoch", config_key="epochs", selects="best")
    framework = "torch"
    precisions = ("float32", "bfloat16")
    devices = ("cpu", "cuda")

    def load(self, source: Source, *, targets: bool = True) -> Screen:
        """The user's screen (see `load_screen`), or the trimming profiles of gene ends."""
        if source.path is None:
            return gene_end_profiles()
        return load_screen(source.path, targets=targets)

    def row_ids(self, data: Screen) -> np.ndarray:
        """The ids."""
        return data.ids

    def check(self, config: MlpConfig, data: Screen, num_workers: int = 1) -> None:
        """There are rows for every fold, and targets."""
        held_out_rows(config, data)
        training_targets(config.model_copy(update={"loss": "mse"}), data)

    def unfit(self, data: Screen) -> list[Unfit]:
        """Cross-entropy without distributions; a correlation over the single target of a row."""
        found = []
        try:
            training_targets(MlpConfig(loss="cross_entropy"), data)
        except InputError as error:
            found.append(Unfit("loss", "cross_entropy", str(error).splitlines()[0]))
        if len(data.columns) == 1:
            for name in ("pearson", "delta_pearson"):
                found.append(Unfit("metric", name, "the data have one target only"))
        return found

    def progress(
        self, config: MlpConfig, data: Screen, worker: Worker, state: State | None = None
    ) -> Iterator[Progress]:
        """Train all folds at once; each epoch scores every row out of fold."""
        from distrib.trainables.mlp_task import MlpTask
        from distrib.trainables.torch_loop import train

        task = MlpTask(config, data, worker, held_out_rows(config, data))
        yield from train(task, recipe(config), worker, state=state)

    def refit(
        self,
        config: MlpConfig,
        data: Screen,
        worker: Worker,
        units: int | None,
        state: State | None = None,
    ) -> Iterator[Progress]:
        """Train one model on every row, for `units` epochs of the schedule of `config.epochs`."""
        from distrib.trainables.mlp_task import MlpTask
        from distrib.trainables.torch_loop import train

        task = MlpTask(config, data, worker, held_out=None)
        items = train(task, recipe(config), worker, units=units, state=state)
        yield from remember(items, self.row_ids(data))

    def predict(
        self, config: MlpConfig, state: State, data: Screen, worker: Worker
    ) -> pd.DataFrame:
        """`id` and a column for each target."""
        from distrib.trainables.mlp_task import apply_model

        check_inputs(state, data)
        columns = state.values["columns"]
        unknown = np.full((len(data), len(columns)), np.nan, dtype=np.float32)
        predicted, _, _ = apply_model(config, state, data.inputs, unknown, worker)
        frame = pd.DataFrame(predicted, columns=columns)
        frame.insert(0, "id", data.ids, allow_duplicates=True)
        return frame

    def evaluate(
        self, config: MlpConfig, state: State, data: Screen, worker: Worker
    ) -> dict[str, float]:
        """Every metric; differences are to the mean of the rows trained on."""
        from distrib.trainables.mlp_task import apply_model

        targets = known_targets(config, state, data)
        predicted, mean, loss = apply_model(config, state, data.inputs, targets, worker)
        return {**metrics.summary(predicted, targets, mean), "loss": loss}

    def evaluate_rows(
        self, config: MlpConfig, state: State, data: Screen, worker: Worker
    ) -> pd.DataFrame:
        """`id` and the row's pearson, delta_pearson, rmse and mae."""
        from distrib.trainables.mlp_task import apply_model

        targets = known_targets(config, state, data)
        predicted, mean, _ = apply_model(config, state, data.inputs, targets, worker)
        return pd.DataFrame({"id": data.ids, **metrics.table(predicted, targets, mean, axis=1)})

    def baselines(
        self, config: MlpConfig, data: Screen, test: Screen | None, worker: Worker
    ) -> dict[str, dict[str, float]]:
        """On equal folds: the mean of the training rows, and ridge regression on the inputs.

        `ridge` has a penalty of 10, `ridge, tuned` one that leaving out single rows chose.
        """
        targets = training_targets(config, data)
        result: dict[str, dict[str, float]] = {}
        for name, fit in (("mean profile", _mean), ("ridge", _ridge), ("ridge, tuned", _tuned)):
            predicted, reference = np.empty((2, *targets.shape))
            for part in held_out_rows(config, data):
                rows = np.setdiff1d(np.arange(len(data)), part)
                predicted[part] = fit(data.inputs[rows], targets[rows], data.inputs[part])
                reference[part] = _mean(data.inputs[rows], targets[rows], data.inputs[part])
            result[name] = metrics.summary(predicted, targets, reference)
            if test is not None:
                on_test = metrics.summary(
                    fit(data.inputs, targets, test.inputs),
                    training_targets(config, test),
                    _mean(data.inputs, targets, test.inputs),
                )
                result[name] |= {f"test/{key}": value for key, value in on_test.items()}
        return result

    def example(self, folder: Path) -> None:
        """A few of the gene ends of the default data."""
        write_example(folder)


def recipe(config: MlpConfig) -> Recipe:
    """What the loop needs to know of a configuration."""
    from distrib.trainables.torch_loop import Recipe

    return Recipe(
        epochs=config.epochs,
        learning_rate=config.learning_rate,
        weight_decay=config.weight_decay,
        schedule=config.schedule,
        warmup=config.warmup,
        clip_norm=config.clip_norm,
        accumulate=config.accumulate,
        patience=config.patience,
        monitor=Mlp.metrics[0],
    )


def _mean(inputs: np.ndarray, targets: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    """(rows wanted, G) mean of the measured targets, 0 where there are none."""
    measured = np.isfinite(targets)
    mean = np.where(measured, targets, 0.0).sum(axis=0) / np.maximum(measured.sum(axis=0), 1)
    return np.broadcast_to(mean, (len(wanted), len(mean)))


def _ridge(inputs: np.ndarray, targets: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    return fit_ridge(inputs, targets, penalty=10.0).predict(wanted)


def _tuned(inputs: np.ndarray, targets: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    return fit_ridge(inputs, targets).predict(wanted)
