"""What simple models make of a screen: the bar that every family has to clear."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence

import numpy as np

from distrib.data.screens.scoring.ceiling import NAME as CEILING
from distrib.data.screens.scoring.ceiling import split_half_ceiling
from distrib.data.screens.scoring.intervals import intervals
from distrib.data.screens.scoring.scores import row_table, scores
from distrib.data.screens.screen import Screen
from distrib.models.screens.ridge import fit_ridge
from distrib.trainables.capabilities import Judged

TRAINING_MEAN = "training mean"
"""The baseline that a model must beat to have learned anything of its rows."""

JOINED_BY = "+"
"""Between the parts of an id that names several perturbations at once."""

RANDOM_WIDTH = 64  # of random embeddings, where the screen has none of its own

Fit = Callable[[Screen, Screen], np.ndarray]
"""Training rows, and rows of which (rows, G) is to be predicted."""


def baselines(
    data: Screen, held_out: Sequence[np.ndarray], test: Screen | None
) -> dict[str, dict[str, float]]:
    """Name -> metric -> value of `judged_baselines`, on the test part as `test/<metric>`."""
    return {name: j.figures for name, j in judged_baselines(data, held_out, test).items()}


def judged_baselines(
    data: Screen, held_out: Sequence[np.ndarray], test: Screen | None
) -> dict[str, Judged]:
    """What each of them comes to on the folds, and on the test part; all rows weigh alike.

    - no change: nothing responds.
    - training mean: every row is the mean of the training rows.
    - additive: the training mean, shifted by what ridge makes of the row's mean; for an id that
      joins others (`A+B`), the sum of what each did alone.
    - random embedding: ridge on random numbers in place of embeddings.
    - ridge: on the embeddings, with a penalty of 10; "tuned": one that leaving out single rows
      chose.
    - split halves (bound): no model, but what the replicates allow one to reach, where they are
      known.
    """
    result: dict[str, Judged] = {}
    parts = np.empty(len(data), dtype=np.int64)
    for name, fit in fits(data):
        predicted, reference = np.empty((2, len(data), len(data.columns)))
        for fold, part in enumerate(held_out):
            rest = data.take(np.setdiff1d(np.arange(len(data)), part))
            predicted[part] = fit(rest, data.take(part))
            reference[part] = _mean(rest, data.take(part))
            parts[part] = fold
        result[name] = judged(predicted, data, reference, parts)
        if test is not None:
            result[name] = with_test(result[name], fit(data, test), test, _mean(data, test))
    if data.halves is not None:
        bound = split_half_ceiling(data.halves, parts, data.targets)
        if test is not None and test.halves is not None:
            one = np.zeros(len(test), dtype=np.int64)
            on_test = split_half_ceiling(test.halves, one, test.targets)
            bound |= {f"test/{metric}": value for metric, value in on_test.items()}
        result[CEILING] = Judged(bound, {}, {})
    return result


def judged(predicted: np.ndarray, data: Screen, reference: np.ndarray, parts: np.ndarray) -> Judged:
    """Predictions (rows, G) for the rows held out, and all that is said of them."""
    return Judged(
        scores(predicted, data, reference, parts, finished=True),
        {"validation": intervals(predicted, data, reference, parts, finished=True)},
        {"validation": row_table(predicted, data, reference, parts, finished=True)},
    )


def with_test(found: Judged, predicted: np.ndarray, test: Screen, reference: np.ndarray) -> Judged:
    """The same, with predictions for the test part."""
    figures = scores(predicted, test, reference, finished=True)
    return Judged(
        {**found.figures, **{f"test/{key}": value for key, value in figures.items()}},
        {**found.intervals, "test": intervals(predicted, test, reference, finished=True)},
        {**found.rows, "test": row_table(predicted, test, reference, finished=True)},
    )


def training_mean(targets: np.ndarray, weights: np.ndarray | None = None) -> np.ndarray:
    """(G,) mean of the measured targets (rows, G), 0 where there are none.

    Args:
        weights: (rows,) above 0; None: all alike, as the baseline has it.
    """
    measured = np.isfinite(targets)
    filled = np.where(measured, targets, 0.0)
    if weights is None:
        return filled.sum(axis=0) / np.maximum(measured.sum(axis=0), 1)
    total = weights @ measured
    return (weights @ filled) / np.where(total > 0, total, 1.0)


def fits(data: Screen) -> Iterator[tuple[str, Fit]]:
    """Name and fit of each."""
    yield "no change", lambda train, wanted: np.zeros((len(wanted), len(train.columns)))
    yield TRAINING_MEAN, _mean
    if data.inputs.shape[1]:
        yield "additive", _additive
    yield "random embedding", _random
    if data.inputs.shape[1]:
        yield "ridge", lambda train, wanted: _ridge(train, wanted, 10.0)
        yield "ridge, tuned", lambda train, wanted: _ridge(train, wanted, None)


def _mean(train: Screen, wanted: Screen) -> np.ndarray:
    assert train.targets is not None
    mean = training_mean(train.targets)
    return np.broadcast_to(mean, (len(wanted), len(mean)))


def _ridge(train: Screen, wanted: Screen, penalty: float | None) -> np.ndarray:
    assert train.targets is not None
    return fit_ridge(train.inputs, train.targets, penalty).predict(wanted.inputs)


def _random(train: Screen, wanted: Screen) -> np.ndarray:
    """The same numbers for an id wherever it stands."""
    assert train.targets is not None
    width = train.inputs.shape[1] or RANDOM_WIDTH
    return fit_ridge(_noise(train.ids, width), train.targets).predict(_noise(wanted.ids, width))


def _noise(ids: np.ndarray, width: int) -> np.ndarray:
    seeds = (hashlib.blake2b(name.encode(), digest_size=8).digest() for name in ids.tolist())
    return np.stack(
        [np.random.default_rng(int.from_bytes(s)).standard_normal(width) for s in seeds]
    )


def _additive(train: Screen, wanted: Screen) -> np.ndarray:
    assert train.targets is not None
    mean = training_mean(train.targets)
    changes = np.where(np.isfinite(train.targets), train.targets, mean)
    level = (changes - mean).mean(axis=1, keepdims=True)
    shift = fit_ridge(train.inputs, level).predict(wanted.inputs)
    predicted = mean + shift
    alone = {name: row for row, name in enumerate(train.ids.tolist())}
    for row, name in enumerate(wanted.ids.tolist()):
        parts = name.split(JOINED_BY)
        if len(parts) > 1 and all(part in alone for part in parts):
            predicted[row] = changes[[alone[part] for part in parts]].sum(axis=0)
    return predicted
