"""The concatenation of both embeddings: a perceptron on every pair of a perturbation and a gene.

A trial is a cross-validation whose folds train at once as one batched model; an epoch goes through
every pair of every fold once, as blocks of rows by blocks of genes.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Literal

import numpy as np
from pydantic import Field

from distrib.data.screen import Screen
from distrib.trainables.base import Fidelity, Progress, State, Worker
from distrib.trainables.screens import METRICS, ScreenConfig, ScreenTrainable, folds_of
from distrib.trainables.training_rows import remember

if TYPE_CHECKING:
    from distrib.trainables.torch_loop import Recipe


class MlpPairsConfig(ScreenConfig):
    """The network, its training and its validation."""

    num_layers: int = Field(2, ge=1, le=16, description="hidden layers")
    hidden_width: int = Field(128, ge=1, le=65536, description="units of the first hidden layer")
    taper: float = Field(
        0.5, gt=0, le=1, description="width of each further hidden layer over the one before"
    )
    activation: Literal["relu", "gelu", "silu", "tanh"] = Field(
        "relu", description="what follows each hidden layer"
    )
    dropout: float = Field(0.0, ge=0, le=0.95, description="share of hidden units left out a step")
    learning_rate: float = Field(1e-3, gt=0, description="the schedule's peak")
    weight_decay: float = Field(1e-2, ge=0, description="AdamW's, decoupled")
    batch_rows: int = Field(16, ge=1, description="rows of a fold in a batch")
    batch_genes: int = Field(256, ge=1, description="genes in a batch: its pairs are rows x genes")
    epochs: int = Field(20, ge=1, description="passes over the pairs")
    schedule: Literal["constant", "cosine", "one-cycle", "plateau"] = Field(
        "cosine", description="how the learning rate moves; plateau watches the training loss"
    )
    warmup: float = Field(
        0.0, ge=0, lt=1, description="fraction of the steps in which the learning rate rises"
    )
    clip_norm: float = Field(1.0, ge=0, description="greatest length of a gradient; 0: unlimited")
    patience: int = Field(
        0, ge=0, description="epochs without a better pearson after which to stop; 0: never"
    )


class MlpPairs(ScreenTrainable[MlpPairsConfig]):
    """Perceptron on pairs of embeddings; where genes have none, each gene learns its own."""

    Config = MlpPairsConfig
    fidelity = Fidelity(unit="epoch", config_key="epochs", selects="best")
    framework = "torch"
    precisions = ("float32", "bfloat16")
    devices = ("cpu", "cuda")

    def progress(
        self, config: MlpPairsConfig, data: Screen, worker: Worker, state: State | None = None
    ) -> Iterator[Progress]:
        """Train all folds at once; each epoch scores every row out of fold."""
        from distrib.trainables.pairs_task import PairsTask
        from distrib.trainables.torch_loop import train

        task = PairsTask(config, data, worker, folds_of(config, data))
        for item in train(task, recipe(config), worker, state=state):
            yield replace(item, held_out=task.held_out_frame()) if item.metrics else item

    def refit(
        self,
        config: MlpPairsConfig,
        data: Screen,
        worker: Worker,
        units: int | None,
        state: State | None = None,
    ) -> Iterator[Progress]:
        """Train one model on every row, for `units` epochs of the schedule of `config.epochs`."""
        from distrib.trainables.pairs_task import PairsTask
        from distrib.trainables.torch_loop import train

        task = PairsTask(config, data, worker, held_out=None)
        items = train(task, recipe(config), worker, units=units, state=state)
        yield from remember(items, self.row_ids(data))

    def apply(
        self, config: MlpPairsConfig, state: State, data: Screen, worker: Worker
    ) -> np.ndarray:
        """(rows, G) predictions."""
        from distrib.trainables.pairs_task import apply_model

        return apply_model(config, state, data.inputs, worker)

    def training_mean(self, state: State) -> np.ndarray:
        """(G,) mean of the targets of the rows trained on."""
        return state.arrays["model.target_mean"][0, 0]


def recipe(config: MlpPairsConfig) -> Recipe:
    """What the loop needs to know of a configuration."""
    from distrib.trainables.torch_loop import Recipe

    return Recipe(
        epochs=config.epochs,
        learning_rate=config.learning_rate,
        weight_decay=config.weight_decay,
        schedule=config.schedule,
        warmup=config.warmup,
        clip_norm=config.clip_norm,
        patience=config.patience,
        monitor=METRICS,
    )
