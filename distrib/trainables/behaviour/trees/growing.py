"""Trees grown round by round, kept as arrays of nodes: what a state needs to go on exactly."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from distrib.models.trees.forest import Forest, from_xgboost, joined
from distrib.trainables.extras import require

if TYPE_CHECKING:
    from distrib.trainables.behaviour.trees.config import TreesConfig


class Grower(Protocol):
    """Adds trees, and says what they make of frames."""

    def grow(self, round_: int) -> None:
        """Add the trees of a round, counted from 0."""

    def forest(self) -> Forest:
        """All trees so far; their sums are logits (xgboost), or shares of the trees' number."""

    def arrays(self) -> dict[str, np.ndarray]:
        """What `restore` takes."""

    def restore(self, arrays: dict[str, np.ndarray]) -> None:
        """Go on from these."""


def make_grower(
    config: TreesConfig, inputs: np.ndarray, states: np.ndarray, num_classes: int, threads: int
) -> Grower:
    """For frames (n, d) float32 with their classes (n,), from 0."""
    kind = Bagged if config.model_class == "random-forest" else Boosted
    return kind(config, inputs, states, num_classes, threads)


class _Grower:
    def __init__(
        self,
        config: TreesConfig,
        inputs: np.ndarray,
        states: np.ndarray,
        num_classes: int,
        threads: int,
    ) -> None:
        self.config, self.inputs, self.states = config, inputs, states
        self.num_classes, self.threads = num_classes, threads


class Bagged(_Grower):
    """scikit-learn's random forest with entropy; a round is a forest of its own."""

    parts: tuple[Forest, ...] = ()

    def grow(self, round_: int) -> None:
        ensemble = require("behaviour", "sklearn.ensemble")
        seed = int(np.random.SeedSequence([self.config.seed, round_]).generate_state(1)[0])
        made = ensemble.RandomForestClassifier(
            n_estimators=self.config.trees_per_round,
            criterion="entropy",
            max_features="sqrt",
            min_samples_leaf=self.config.min_samples_leaf,
            random_state=seed,
            n_jobs=self.threads,
        ).fit(self.inputs, self.states)
        trees = [_nodes(e.tree_, made.classes_, self.num_classes, round_) for e in made.estimators_]
        self.parts = (joined([*self.parts, *trees]),)

    def forest(self) -> Forest:
        return self.parts[0]

    def arrays(self) -> dict[str, np.ndarray]:
        return self.parts[0].arrays()

    def restore(self, arrays: dict[str, np.ndarray]) -> None:
        self.parts = (Forest(**arrays),)


def _nodes(tree: Any, classes: np.ndarray, num_classes: int, round_: int) -> Forest:
    """A tree of scikit-learn: left where x <= threshold, in float64; here where x is below one.

    For float32 inputs `x <= t` is `x < u` with u the least float32 above t.
    """
    is_leaf = tree.children_left < 0
    above = tree.threshold.astype(np.float32)
    exact = above.astype(np.float64) > tree.threshold
    above = np.where(exact, above, np.nextafter(above, np.float32(np.inf)))
    shares = np.zeros((int(is_leaf.sum()), num_classes), dtype=np.float32)
    values = tree.value[is_leaf, 0]
    shares[:, classes] = values / values.sum(axis=1, keepdims=True)
    right = tree.children_right.astype(np.int32)
    right[is_leaf] = np.arange(len(shares))
    return Forest(
        feature=np.where(is_leaf, 0, tree.feature).astype(np.int32),
        threshold=np.where(is_leaf, np.float32(0), above).astype(np.float32),
        left=tree.children_left.astype(np.int32),
        right=right,
        leaves=shares,
        root=np.zeros(1, dtype=np.int32),
        target=np.full(1, -1, dtype=np.int32),
        round=np.full(1, round_, dtype=np.int32),
    )


class Boosted(_Grower):
    """XGBoost with a softmax over classes."""

    raw: bytes | None = None

    def grow(self, round_: int) -> None:
        xgboost = require("behaviour", "xgboost")
        config = self.config
        matrix = xgboost.DMatrix(self.inputs, label=self.states, nthread=self.threads)
        before = None
        if self.raw is not None:
            before = xgboost.Booster()
            before.load_model(bytearray(self.raw))
        words = {
            "objective": "multi:softprob",
            "num_class": self.num_classes,
            "base_score": 0.0,
            "tree_method": "hist",
            "max_depth": config.max_depth,
            "learning_rate": config.learning_rate,
            "subsample": config.subsample,
            "colsample_bytree": config.colsample,
            "gamma": config.gamma,
            "min_child_weight": config.min_child_weight,
            "nthread": self.threads,
            "seed": int(np.random.SeedSequence([config.seed, round_]).generate_state(1)[0] >> 1),
            "verbosity": 0,
        }
        made = xgboost.train(words, matrix, config.trees_per_round, xgb_model=before)
        self.raw = bytes(made.save_raw("json"))

    def forest(self) -> Forest:
        assert self.raw is not None
        return from_xgboost(json.loads(self.raw), self.num_classes)

    def arrays(self) -> dict[str, np.ndarray]:
        assert self.raw is not None
        return {"booster": np.frombuffer(self.raw, dtype=np.uint8).copy()}

    def restore(self, arrays: dict[str, np.ndarray]) -> None:
        self.raw = arrays["booster"].tobytes()


def chances(
    config: TreesConfig, forest: Forest, inputs: np.ndarray, num_classes: int
) -> np.ndarray:
    """(n, K) float32 probabilities of frames (n, d)."""
    sums = forest.predict(inputs, num_classes)
    if config.model_class == "random-forest":
        return sums / len(forest.root)
    raised = np.exp(sums - sums.max(axis=1, keepdims=True))
    return raised / raised.sum(axis=1, keepdims=True)
