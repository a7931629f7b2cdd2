"""Forests of regression trees as arrays of nodes: no library is needed to read or to apply them.

Axes in the shapes: T trees, V nodes and E leaves of all trees, N rows, d inputs, G targets.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any, Self

import numpy as np

NUMBERS_AT_ONCE = 2**24
"""Pairs of a row and a tree that are followed in one go."""


@dataclass(frozen=True)
class Forest:
    """Trees whose leaves add to one target each, or to all of them.

    Attributes:
        feature: (V,) int32, the input that a node looks at. threshold: (V,) float32; below it a row
            goes left.
        left, right: (V,) int32, the nodes below; of a leaf -1, and the leaf's number.
        leaves: (E, 1), or (E, G) where a leaf adds to every target; float32.
        root: (T,) int32, each tree's first node. target: (T,) int32, the one it adds to, or -1.
        round: (T,) int32, in which round it was grown, from 0.
    """

    feature: np.ndarray
    threshold: np.ndarray
    left: np.ndarray
    right: np.ndarray
    leaves: np.ndarray
    root: np.ndarray
    target: np.ndarray
    round: np.ndarray

    def predict(self, inputs: np.ndarray, num_targets: int) -> np.ndarray:
        """(N, d) float32 -> (N, G) sums over the trees."""
        total = np.zeros((len(inputs), num_targets), dtype=np.float32)
        if not len(self.root):
            return total
        size = max(1, NUMBERS_AT_ONCE // max(1, len(inputs)))
        for start in range(0, len(self.root), size):
            leaf = self._leaf(inputs, self.root[start : start + size])
            targets = self.target[start : start + size]
            if self.leaves.shape[1] > 1 or num_targets == 1:
                for tree in range(leaf.shape[1]):
                    total += self.leaves[leaf[:, tree]]
            else:
                np.add.at(total.T, targets, self.leaves[leaf, 0].T)
        return total

    def _leaf(self, inputs: np.ndarray, roots: np.ndarray) -> np.ndarray:
        """(N, trees) the leaf of each row in each of these trees."""
        node = np.broadcast_to(roots, (len(inputs), len(roots)))
        rows = np.arange(len(inputs))[:, None]
        while (self.left[node] >= 0).any():
            below = inputs[rows, self.feature[node]] < self.threshold[node]
            following = np.where(below, self.left[node], self.right[node])
            node = np.where(self.left[node] >= 0, following, node)
        return self.right[node]

    def cut(self, rounds: np.ndarray) -> Self:
        """Without what was grown for a target after its number of rounds, (G,) integers."""
        if self.leaves.shape[1] == 1 and len(rounds) > 1:
            return self._of_trees(np.flatnonzero(self.round < rounds[self.target]))
        kept = self._of_trees(np.flatnonzero(self.round < rounds.max(initial=0)))
        leaves = kept.leaves.copy()
        for root, grown in zip(kept._extents(), kept.round.tolist()):
            own = kept.right[root][kept.left[root] < 0]
            leaves[own[:, None], np.flatnonzero(rounds <= grown)] = 0.0
        return type(self)(**{**kept.arrays(), "leaves": leaves})

    def arrays(self) -> dict[str, np.ndarray]:
        """The attributes by name."""
        return {field.name: getattr(self, field.name) for field in fields(self)}

    def _extents(self) -> list[slice]:
        """Where each tree's nodes lie: one tree after the other."""
        ends = [*self.root[1:].tolist(), len(self.feature)]
        return [slice(start, end) for start, end in zip(self.root.tolist(), ends)]

    def _of_trees(self, trees: np.ndarray) -> Self:
        """Those trees alone, in their order."""
        extents = self._extents()
        parts = []
        for tree in trees.tolist():
            nodes = extents[tree]
            is_leaf = self.left[nodes] < 0
            own = self.right[nodes][is_leaf]
            right = self.right[nodes] - self.root[tree]
            right[is_leaf] = np.arange(len(own))
            parts.append(
                type(self)(
                    feature=self.feature[nodes],
                    threshold=self.threshold[nodes],
                    left=np.where(is_leaf, -1, self.left[nodes] - self.root[tree]),
                    right=right,
                    leaves=self.leaves[own],
                    root=np.zeros(1, dtype=np.int32),
                    target=self.target[tree : tree + 1],
                    round=self.round[tree : tree + 1],
                )
            )
        return type(self)(**joined([self.nothing(), *parts]).arrays())

    def nothing(self) -> Self:
        """A forest of this kind without trees."""
        return type(self)(**{name: array[:0] for name, array in self.arrays().items()})


def joined(forests: Sequence[Forest]) -> Forest:
    """The trees of all, one forest after the other; at least one, all of one kind."""
    nodes = np.cumsum([0, *(len(f.feature) for f in forests)])
    leaves = np.cumsum([0, *(len(f.leaves) for f in forests)])
    columns: dict[str, list[np.ndarray]] = {field.name: [] for field in fields(Forest)}
    for forest, node, leaf in zip(forests, nodes, leaves):
        is_leaf = forest.left < 0
        moved = {
            **forest.arrays(),
            "left": np.where(is_leaf, -1, forest.left + node),
            "right": forest.right + np.where(is_leaf, leaf, node),
            "root": forest.root + node,
        }
        for name, array in moved.items():
            columns[name].append(array)
    whole = forests[0].arrays()
    return Forest(
        **{name: np.concatenate(found).astype(whole[name].dtype) for name, found in columns.items()}
    )


def from_xgboost(model: Mapping[str, Any], num_targets: int, grown: int = 0) -> Forest:
    """A forest from what XGBoost writes as JSON (`Booster.save_raw("json")`), parsed.

    Its margins are the sums of `predict`, for a base score of 0 and inputs without missing values.

    Args:
        grown: the round of its first trees; those of its further iterations follow.
    """
    booster = model["learner"]["gradient_booster"]["model"]
    trees, starts = booster["trees"], np.asarray(booster["iteration_indptr"])
    vector = int(trees[0]["tree_param"]["size_leaf_vector"]) > 1
    parts = [_tree(tree, num_targets if vector else 1) for tree in trees]
    targets = np.full(len(trees), -1) if vector else np.asarray(booster["tree_info"])
    rounds = grown + np.searchsorted(starts, np.arange(len(trees)), side="right") - 1
    return replace(joined(parts), target=targets.astype(np.int32), round=rounds.astype(np.int32))


def _tree(tree: Mapping[str, Any], width: int) -> Forest:
    left = np.asarray(tree["left_children"], dtype=np.int32)
    right = np.asarray(tree["right_children"], dtype=np.int32)
    conditions = np.asarray(tree["split_conditions"], dtype=np.float32)
    is_leaf = left < 0
    if width > 1:
        leaves = np.asarray(tree["leaf_weights"], dtype=np.float32).reshape(-1, width)
        leaves = leaves[right[is_leaf]]
    else:
        leaves = conditions[is_leaf][:, None]
    right[is_leaf] = np.arange(len(leaves))
    return Forest(
        feature=np.asarray(tree["split_indices"], dtype=np.int32),
        threshold=np.where(is_leaf, np.float32(0), conditions),
        left=left,
        right=right,
        leaves=leaves,
        root=np.zeros(1, dtype=np.int32),
        target=np.zeros(1, dtype=np.int32),
        round=np.zeros(1, dtype=np.int32),
    )
