"""The MLP head: from a vector of inputs (an embedding, a one-hot) to a profile of targets.

A trial is a k-fold cross-validation; all folds train at once as one batched model, so that every
epoch has an out-of-fold score. Scores pool the predictions of each row by the fold that lacked it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import ClassVar

import numpy as np

from distrib.data.screens.scoring.scores import scores
from distrib.data.screens.screen import Screen
from distrib.errors import InputError, one_line
from distrib.trainables.base import Fidelity, Metric, Progress, State, Worker
from distrib.trainables.capabilities import Judged, Unfit
from distrib.trainables.screens.base import (
    METRICS,
    ScreenConfig,
    ScreenTrainable,
    folds_of,
    known_targets,
    parts_of,
    reference,
)
from distrib.trainables.screens.baselines import judged, with_test
from distrib.trainables.screens.mlp.config import MlpConfig
from distrib.trainables.screens.mlp.data import training_targets
from distrib.trainables.training.config import Recipe

UNTUNED = {
    "hidden_width": 256,
    "num_layers": 2,
    "taper": 0.5,
    "dropout": 0.0,
    "learning_rate": 1e-3,
    "weight_decay": 0.0,
    "schedule": "constant",
    "clip_norm": 0.0,
}
"""A network as one writes it down without a search: what tuning is worth is seen beside it."""


class Mlp(ScreenTrainable[MlpConfig]):
    """Multilayer perceptron on vectors, cross-validated as one batched model."""

    Config = MlpConfig
    metrics: ClassVar[tuple[Metric, ...]] = (
        *METRICS,
        Metric("loss", "min", "what is minimised, on held-out rows"),
    )
    fidelity = Fidelity(unit="epoch", config_key="epochs", selects="best")
    framework = "torch"
    precisions = ("float32", "bfloat16")
    devices = ("cpu", "cuda")

    def check(self, config: MlpConfig, data: Screen, num_workers: int = 1) -> None:
        """There are rows for every fold, and targets."""
        super().check(config.model_copy(update={"loss": "mse"}), data)

    def unfit(self, data: Screen) -> list[Unfit]:
        """Cross-entropy without distributions; metrics that the data do not allow."""
        found = super().unfit(data)
        try:
            training_targets(MlpConfig(loss="cross_entropy"), data)
        except InputError as error:
            found.append(Unfit("loss", "cross_entropy", one_line(error)))
        return found

    def progress(
        self, config: MlpConfig, data: Screen, worker: Worker, state: State | None = None
    ) -> Iterator[Progress]:
        """Train all folds at once; each epoch scores every row out of fold."""
        from distrib.trainables.screens.mlp.task import MlpTask
        from distrib.trainables.training.loop import train

        task = MlpTask(config, data, worker, folds_of(config, data))
        for item in train(task, Recipe.of(config, self.metrics), worker, state=state):
            yield replace(item, held_out=task.held_out_frame()) if item.metrics else item

    def refit(
        self,
        config: MlpConfig,
        data: Screen,
        worker: Worker,
        budget: int | None,
        state: State | None = None,
    ) -> Iterator[Progress]:
        """Train one model on every row, for `budget` epochs of the schedule of `config.epochs`."""
        from distrib.trainables.screens.mlp.task import MlpTask
        from distrib.trainables.training.loop import train

        task = MlpTask(config, data, worker, held_out=None)
        items = train(task, Recipe.of(config, self.metrics), worker, budget=budget, state=state)
        yield from self.remember(config, data, items)

    def judged_baselines(
        self, config: MlpConfig, data: Screen, test: Screen | None, worker: Worker
    ) -> dict[str, Judged]:
        """Those of every screen, and an untuned network at its last epoch (see `UNTUNED`).

        Its seed is its own, and its rows weigh alike: with those of a trial, each winner would have
        a baseline of its own.
        """
        names = {"epochs", *ScreenConfig.model_fields} - {"seed", "row_weights"}
        same = {name: getattr(config, name) for name in names}
        untuned = MlpConfig.model_validate({**UNTUNED, **same})
        *_, last = self.progress(untuned, data, worker)
        assert last.held_out is not None
        predicted = last.held_out()[data.columns.tolist()].to_numpy(dtype=np.float32)
        found = judged(predicted, data, reference(config, data), parts_of(config, data))
        if test is not None:
            *_, last = self.refit(untuned, data, worker, None)
            state = last.state()
            on_test = self.apply(untuned, state, test, worker)
            found = with_test(found, on_test, test, self.training_mean(state))
        known = super().judged_baselines(config, data, test, worker)
        return {**known, "untuned (256, 128)": found}

    def apply(self, config: MlpConfig, state: State, data: Screen, worker: Worker) -> np.ndarray:
        """(rows, G) predictions."""
        from distrib.trainables.screens.mlp.task import apply_model

        unknown = np.full((len(data), len(state.values["columns"])), np.nan, dtype=np.float32)
        return apply_model(config, state, data.inputs, unknown, worker)[0]

    def fitted_mean(self, state: State) -> np.ndarray:
        """(G,) mean of the targets of the rows trained on, weighed as they are."""
        return state.arrays["model.target_mean"][0, 0]

    def evaluate(
        self, config: MlpConfig, state: State, data: Screen, worker: Worker
    ) -> dict[str, float]:
        """Every metric; differences are to the mean of the rows trained on."""
        from distrib.trainables.screens.mlp.task import apply_model

        wanted = known_targets(state, data, self.needs_of(config))
        targets = training_targets(config, wanted)
        predicted, loss = apply_model(config, state, wanted.inputs, targets, worker)
        return {
            **scores(predicted, wanted, self.training_mean(state), finished=True),
            "loss": loss,
        }
