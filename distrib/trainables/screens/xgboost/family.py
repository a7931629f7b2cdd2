"""Boosted trees from embeddings to responses: a tree per gene and round, or one for all genes.

A trial is a cross-validation whose folds grow side by side, a round at a time, so that every round
has an out-of-fold score. Each gene stops by itself, on rows that its fold sets aside for that.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from distrib.data.screens.scoring.scores import scores
from distrib.data.screens.screen import Screen
from distrib.data.splits import holdout
from distrib.models.trees.forest import Forest
from distrib.trainables.base import Fidelity, Progress, State, Worker
from distrib.trainables.extras import require
from distrib.trainables.screens.base import (
    ScreenTrainable,
    as_frame,
    folds_of,
    model_values,
    parts_of,
    reference,
    require_targets,
)
from distrib.trainables.screens.row_weights import (
    normalised,
    row_weights,
    rows_that_weigh,
)
from distrib.trainables.screens.xgboost.config import XgboostConfig
from distrib.trainables.training.loop import CHANCE_EVERY

if TYPE_CHECKING:
    from distrib.trainables.screens.xgboost.boosting import Boosting


class Xgboost(ScreenTrainable[XgboostConfig]):
    """Gradient boosting with XGBoost, cross-validated round by round."""

    Config = XgboostConfig
    fidelity = Fidelity(unit="round", config_key="rounds", selects="best")
    framework = "xgboost"
    devices = ("cpu", "cuda")

    def check(self, config: XgboostConfig, data: Screen, num_workers: int = 1) -> None:
        """There are rows for every fold, targets and inputs, and XGBoost is installed."""
        super().check(config, data, num_workers)
        require("xgboost", "xgboost")

    def progress(
        self, config: XgboostConfig, data: Screen, worker: Worker, state: State | None = None
    ) -> Iterator[Progress]:
        """Grow every fold by a round; each round scores every row out of fold."""
        parts, means = folds_of(config, data), reference(config, data)
        held_with = parts_of(config, data)
        forests = [
            grown(config, data, np.setdiff1d(np.arange(len(data)), part), worker, fold)
            for fold, part in enumerate(parts)
        ]
        step, following = 0, 0
        if state is not None:
            step, following = state.values["step"], state.values["fold"]
            for fold, forest in enumerate(forests):
                forest.restore(_part(state, f"fold{fold}."))
        offered = time.monotonic()
        while step < config.rounds and any(forest.open.any() for forest in forests):
            for fold in range(following, len(forests)):
                forests[fold].grow()
                if fold + 1 < len(forests) and time.monotonic() - offered > CHANCE_EVERY:
                    yield Progress(step, partial(_capture, forests, step, fold + 1))
                    offered = time.monotonic()
            step, following = step + 1, 0
            predicted = np.empty(means.shape, dtype=np.float32)
            for forest, part in zip(forests, parts):
                predicted[part] = forest.predicted(part)
            yield Progress(
                step,
                partial(_capture, forests, step, 0),
                scores(predicted, data, means, held_with),
                held_out=partial(as_frame, data.ids, data.columns.tolist(), predicted),
            )
            offered = time.monotonic()

    def refit(
        self,
        config: XgboostConfig,
        data: Screen,
        worker: Worker,
        budget: int | None,
        state: State | None = None,
    ) -> Iterator[Progress]:
        """One forest on every row, each gene for as many rounds as an inner split chooses.

        A first forest, on all rows but those to stop by, tells how many; a second one is kept.
        """
        yield from self.remember(config, data, self._refit(config, data, worker, budget, state))

    def _refit(
        self,
        config: XgboostConfig,
        data: Screen,
        worker: Worker,
        budget: int | None,
        state: State | None,
    ) -> Iterator[Progress]:
        every, most = np.arange(len(data)), min(budget or config.rounds, config.rounds)
        bound = np.full(len(data.columns), most)
        phases = 2 if config.patience else 1
        begun = 0 if state is None else state.values["phase"]
        if begun and state is not None:
            bound = state.arrays["bound"]
        for phase in range(begun, phases):
            last = phase == phases - 1
            forest = grown(config, data, every, worker, len(data), bound=bound, whole=last)
            if state is not None and phase == begun:
                forest.restore(_part(state, "refit."))
            while forest.open.any():
                forest.grow()
                done = phase * most + forest.grown
                yield Progress(max(1, done // phases), partial(_halfway, forest, phase, bound))
            bound = forest.best_round if not last else bound
        yield Progress(most, partial(_state, forest, data))

    def apply(
        self, config: XgboostConfig, state: State, data: Screen, worker: Worker
    ) -> np.ndarray:
        """(rows, G) predictions; XGBoost itself is not needed for them."""
        forest = Forest(**_part(state, "forest."))
        mean = state.arrays["mean"]
        return mean + forest.predict(np.ascontiguousarray(data.inputs), len(mean))

    def fitted_mean(self, state: State) -> np.ndarray:
        """(G,) mean of the targets of the rows trained on, weighed as they are."""
        return state.arrays["mean"]


def grown(
    config: XgboostConfig,
    data: Screen,
    rows: np.ndarray,
    worker: Worker,
    fold: int,
    *,
    bound: np.ndarray | None = None,
    whole: bool = False,
) -> Boosting:
    """A forest on some rows of a screen, of which it sets those aside that it stops by.

    Args:
        fold: tells its random numbers from those of others. bound: most rounds of each gene.
        whole: fit all of the rows, and stop at the bound alone.
    """
    from distrib.trainables.screens.xgboost.boosting import Boosting

    weights = row_weights(config.row_weights, data)
    rows = rows_that_weigh(weights, rows)
    fit, stop = rows, rows[:0]
    if config.patience and not whole:
        kept, aside = holdout(data.groups[rows], config.stop_fraction, config.fold_seed + fold)
        fit, stop = rows[kept], rows[aside]
    return Boosting(
        config,
        data.inputs,
        require_targets(data),
        fit=fit,
        stop=stop,
        worker=worker,
        seed=config.seed + fold,
        rounds=bound,
        weights=None if weights is None else normalised(weights, fit),
    )


def _part(state: State, prefix: str) -> dict[str, np.ndarray]:
    return {
        name.removeprefix(prefix): array
        for name, array in state.arrays.items()
        if name.startswith(prefix)
    }


def _capture(forests: list[Boosting], step: int, fold: int) -> State:
    arrays = {
        f"fold{k}.{name}": array
        for k, forest in enumerate(forests)
        for name, array in forest.arrays().items()
    }
    return State(arrays, {"step": step, "fold": fold})


def _halfway(forest: Boosting, phase: int, bound: np.ndarray) -> State:
    arrays = {f"refit.{name}": array for name, array in forest.arrays().items()}
    return State({**arrays, "bound": bound}, {"phase": phase})


def _state(forest: Boosting, data: Screen) -> State:
    arrays = {f"forest.{name}": array for name, array in forest.forest().arrays().items()}
    return State({**arrays, "mean": forest.mean}, model_values(data))
