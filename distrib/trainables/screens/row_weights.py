"""How much each row counts in training: all alike, as the screen says, or by what it holds.

What is fitted to weighed rows is what would be fitted to rows repeated so often, but for a factor:
weights have a mean of 1, so that a learning rate or a penalty means the same as without them. A row
of weight 0 is none. Scores and baselines weigh all rows alike.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from typing import Literal

import numpy as np

from distrib.data.screens.replicates import check_weights
from distrib.data.screens.screen import Screen
from distrib.errors import InputError
from distrib.trainables.base import Progress, State

RowWeights = Literal["none", "given", "held"]

PLAIN_MEAN = "plain_mean"
"""Of the array in a state of weighed rows: (G,) the mean of the targets, all rows alike."""


def row_weights(how: RowWeights, data: Screen) -> np.ndarray | None:
    """(rows,) float64, none negative, some above 0; None: all alike.

    Raises:
        InputError: the screen has no weights, or some that cannot be.
    """
    if how == "none":
        return None
    if how == "held":
        assert data.targets is not None
        return np.isfinite(data.targets).sum(axis=1).astype(np.float64)
    if data.weights is None:
        raise InputError(
            "these data have no weights of the rows",
            where="row_weights",
            found="given",
            expected="weights.parquet or weights.csv, of `id` and `weight`",
            hint="none weighs all rows alike, held by the number of their measured targets",
        )
    check_weights(data.weights, None, [f"row {name}" for name in data.ids.tolist()], "weight")
    return data.weights.astype(np.float64)


def rows_that_weigh(weights: np.ndarray | None, rows: np.ndarray) -> np.ndarray:
    """Those of these rows (n,) whose weight is above 0.

    Raises:
        InputError: there are none.
    """
    if weights is None:
        return rows
    kept = rows[weights[rows] > 0]
    if not len(kept):
        raise InputError(
            "every row that a fold trains on has a weight of 0",
            where="row_weights",
            found=f"{len(rows)} rows",
            expected="weights above 0 in at least two folds",
        )
    return kept


def normalised(
    weights: np.ndarray, rows: np.ndarray, counts: np.ndarray | None = None
) -> np.ndarray:
    """All weights (N,), over their mean among these rows (n,), some of which weigh.

    Args:
        counts: (N,) how often each row stands in what a loss is the mean of, such as its measured
            targets; None: once.
    """
    often = None if counts is None or not counts[rows].any() else counts[rows]
    return weights / np.average(weights[rows], weights=often)


def weighed(
    how: RowWeights,
    data: Screen,
    training: Sequence[np.ndarray],
    counts: np.ndarray | None = None,
) -> tuple[list[np.ndarray], np.ndarray | None]:
    """Of several trainings the rows that weigh, and (trainings, N) their weights; None: all alike.

    Args:
        training: rows of each. counts: see `normalised`; None: the measured targets.
    """
    weights = row_weights(how, data)
    if weights is None:
        return list(training), None
    assert data.targets is not None
    if counts is None:
        counts = np.isfinite(data.targets).sum(axis=1)
    kept = [rows_that_weigh(weights, rows) for rows in training]
    return kept, np.stack([normalised(weights, rows, counts) for rows in kept])


def remember_mean(items: Iterator[Progress], mean: np.ndarray) -> Iterator[Progress]:
    """The items of a training on weighed rows, with (G,) the plain mean in every state.

    Scores are of differences to it, as those of baselines and of other configurations are.
    """
    for item in items:
        yield replace(item, state=partial(_with_mean, item.state, mean))


def _with_mean(take: Callable[[], State], mean: np.ndarray) -> State:
    state = take()
    return State({**state.arrays, PLAIN_MEAN: mean}, state.values)
