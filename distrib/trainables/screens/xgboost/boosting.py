"""Gradient boosting of all targets of some rows, round by round, each target stopped by itself.

The trees are XGBoost's; the gradients and their sums are ours. So a target that is missing, or that
has stopped to get better, weighs nothing; and each round is a booster of its own with a seed of its
own, so that a training goes on exactly where it was. Quantiles of the inputs are taken once, for
all targets and rounds.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from distrib.models.trees.forest import Forest, from_xgboost, joined
from distrib.trainables.base import Worker
from distrib.trainables.screens.baselines import training_mean

if TYPE_CHECKING:
    from distrib.trainables.screens.xgboost.config import XgboostConfig

LEAST_GAIN = 1e-4
"""Part of a target's best error by which a round must lower it to count as better."""


class Boosting:
    """One forest that grows.

    Args:
        inputs: (N, d) float32. targets: (N, G), NaN where missing; of every row of the screen.
        fit: rows to fit. stop: rows by which each target is stopped; none: it never is.
        rounds: (G,) after how many each target stops in any case; None: no bound.
        seed: of whatever is drawn.
        weights: (N,) of the rows, in their errors and among the quantiles; None: all alike.
    """

    def __init__(
        self,
        config: XgboostConfig,
        inputs: np.ndarray,
        targets: np.ndarray,
        *,
        fit: np.ndarray,
        stop: np.ndarray,
        worker: Worker,
        seed: int,
        rounds: np.ndarray | None = None,
        weights: np.ndarray | None = None,
    ) -> None:
        import xgboost

        self.config, self.inputs, self.targets = config, inputs, targets
        self.fit, self.stop, self.seed = fit, stop, seed
        self.weights = None if weights is None else weights.astype(np.float32)
        own = None if self.weights is None else self.weights[fit]
        self.mean = training_mean(
            targets[fit], None if own is None else own.astype(np.float64)
        ).astype(np.float32)
        self.missing = ~np.isfinite(targets)
        self.differences = np.where(self.missing, 0.0, targets - self.mean).astype(np.float32)
        self.parameters = parameters(config, targets.shape[1], worker)
        self.train = xgboost.QuantileDMatrix(inputs[fit], weight=own, max_bin=config.max_bin)
        self.every = xgboost.DMatrix(inputs)
        self.trees: list[Forest] = []
        self.grown = 0
        self.margins = np.zeros(targets.shape, dtype=np.float32)
        self.best = self.margins
        self.best_error = self._stop_errors()
        self.best_round = np.zeros(targets.shape[1], dtype=np.int64)
        self.bound = rounds

    @property
    def open(self) -> np.ndarray:
        """(G,) bool: targets that may still get better."""
        found = np.ones(len(self.mean), dtype=bool)
        if self.bound is not None:
            found &= self.grown < self.bound
        if len(self.stop):
            found &= self.grown - self.best_round < self.config.patience
        return found

    def grow(self) -> None:
        """One round, for the targets that are open."""
        growing = self.open
        if not growing.any():
            return
        import xgboost

        drawn = int(np.random.SeedSequence([self.seed, self.grown]).generate_state(1)[0] >> 1)
        booster = xgboost.Booster({**self.parameters, "seed": drawn}, cache=[self.train])
        booster.boost(self.train, 0, fobj=self._objective(growing))
        model = json.loads(bytes(booster.save_raw("json")))
        self.trees.append(from_xgboost(model, len(self.mean), self.grown))
        added = booster.predict(self.every, output_margin=True).reshape(self.margins.shape)
        self.margins = self.margins + np.where(growing, added, np.float32(0))
        self.grown += 1
        if not len(self.stop):
            self.best, self.best_round = (
                self.margins,
                np.where(growing, self.grown, self.best_round),
            )
            return
        errors = self._stop_errors()
        better = growing & (errors < self.best_error * (1 - LEAST_GAIN))
        self.best = np.where(better, self.margins, self.best)
        self.best_error = np.where(better, errors, self.best_error)
        self.best_round = np.where(better, self.grown, self.best_round)

    def predicted(self, rows: np.ndarray) -> np.ndarray:
        """(n, G) of the forest as it was best for each target."""
        return self.mean + self.best[rows]

    def forest(self) -> Forest:
        """Its trees, each target's only until it was best."""
        return joined(self.trees).cut(self.best_round)

    def arrays(self) -> dict[str, np.ndarray]:
        """What it needs to go on."""
        return {
            **{f"trees.{name}": a for name, a in self._arrays_of_trees().items()},
            "grown": np.array([self.grown]),
            "margins": self.margins,
            "best": self.best,
            "best_error": self.best_error,
            "best_round": self.best_round,
        }

    def restore(self, arrays: Mapping[str, np.ndarray]) -> None:
        """Go on from `arrays`."""
        trees = {k.removeprefix("trees."): a for k, a in arrays.items() if k.startswith("trees.")}
        self.trees = [Forest(**trees)] if trees else []
        self.grown = int(arrays["grown"][0])
        self.margins, self.best = arrays["margins"], arrays["best"]
        self.best_error, self.best_round = arrays["best_error"], arrays["best_round"]

    def _arrays_of_trees(self) -> dict[str, np.ndarray]:
        return joined(self.trees).arrays() if self.trees else {}

    def _stop_errors(self) -> np.ndarray:
        """(G,) mean squared error over the rows by which targets are stopped."""
        rows = self.stop
        squares = np.square(self.differences[rows] - self.margins[rows], dtype=np.float64)
        measured = ~self.missing[rows]
        if self.weights is None:
            return (squares * measured).sum(axis=0) / np.maximum(measured.sum(axis=0), 1)
        share = measured * self.weights[rows, None].astype(np.float64)
        total = share.sum(axis=0)
        return (squares * share).sum(axis=0) / np.where(total > 0, total, 1.0)

    def _objective(self, growing: np.ndarray) -> Any:
        from xgboost.objective import TreeObjective

        weight = (~self.missing[self.fit] & growing).astype(np.float32)
        own = None if self.weights is None else self.weights[self.fit, None]
        if own is not None:  # XGBoost weighs nothing of an objective that is not its own
            weight *= own
        gradient = (self.margins[self.fit] - self.differences[self.fit]) * weight
        sketch = self._sketch(gradient)

        class Squares(TreeObjective):
            """Squared error; what the booster itself has summed up is left aside."""

            def __call__(self, iteration: int, y_pred: Any, dtrain: Any) -> tuple[Any, Any]:
                return gradient, weight

            def split_grad(self, iteration: int, grad: Any, hess: Any) -> tuple[Any, Any] | None:
                if sketch is None:
                    return None
                ones = np.ones_like(sketch)
                return sketch, ones if own is None else ones * own

        return Squares()

    def _sketch(self, gradient: np.ndarray) -> np.ndarray | None:
        """(n, k) random projections of the gradients, by which a vector tree finds its splits
        (Iosipoi & Vakhrushev 2022); None where all targets are looked at.
        """
        size = self.config.sketch
        if self.config.forests != "vector" or not 0 < size < gradient.shape[1]:
            return None
        rng = np.random.default_rng([self.seed, self.grown])
        turn = rng.standard_normal((gradient.shape[1], size), dtype=np.float32)
        return gradient @ (turn / np.float32(np.sqrt(size)))


def parameters(config: XgboostConfig, num_targets: int, worker: Worker) -> dict[str, Any]:
    """XGBoost's own names for a configuration."""
    vector = config.forests == "vector" and num_targets > 1
    return {
        "objective": "reg:squarederror",
        "base_score": 0.0,
        "num_target": num_targets,
        "tree_method": "hist",
        "multi_strategy": "multi_output_tree" if vector else "one_output_per_tree",
        "max_depth": config.max_depth,
        "eta": config.learning_rate,
        "min_child_weight": config.min_child_weight,
        "subsample": config.subsample,
        "colsample_bytree": config.colsample,
        "reg_lambda": config.l2,
        "max_bin": config.max_bin,
        "nthread": worker.threads,
        "device": worker.device,
        "disable_default_eval_metric": True,
        "validate_parameters": False,
        "verbosity": 0,
    }
