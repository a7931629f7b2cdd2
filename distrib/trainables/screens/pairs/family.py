"""The concatenation of both embeddings: a perceptron on every pair of a perturbation and a gene.

A trial is a cross-validation whose folds train at once as one batched model; an epoch goes through
every pair of every fold once, as blocks of rows by blocks of genes.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from distrib.data.screens.screen import Screen
from distrib.trainables.base import Fidelity, Progress, State, Worker
from distrib.trainables.screens.base import ScreenTrainable, folds_of
from distrib.trainables.screens.pairs.config import MlpPairsConfig
from distrib.trainables.training.config import Recipe


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
        from distrib.trainables.screens.pairs.task import PairsTask
        from distrib.trainables.training.loop import train

        task = PairsTask(config, data, worker, folds_of(config, data))
        for item in train(task, Recipe.of(config, self.metrics), worker, state=state):
            yield replace(item, held_out=task.held_out_frame()) if item.metrics else item

    def refit(
        self,
        config: MlpPairsConfig,
        data: Screen,
        worker: Worker,
        budget: int | None,
        state: State | None = None,
    ) -> Iterator[Progress]:
        """Train one model on every row, for `budget` epochs of the schedule of `config.epochs`."""
        from distrib.trainables.screens.pairs.task import PairsTask
        from distrib.trainables.training.loop import train

        task = PairsTask(config, data, worker, held_out=None)
        items = train(task, Recipe.of(config, self.metrics), worker, budget=budget, state=state)
        yield from self.remember(config, data, items)

    def apply(
        self, config: MlpPairsConfig, state: State, data: Screen, worker: Worker
    ) -> np.ndarray:
        """(rows, G) predictions."""
        from distrib.trainables.screens.pairs.task import apply_model

        return apply_model(config, state, data.inputs, worker)

    def fitted_mean(self, state: State) -> np.ndarray:
        """(G,) mean of the targets of the rows trained on, weighed as they are."""
        return state.arrays["model.target_mean"][0, 0]
