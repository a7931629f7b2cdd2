"""How sure the figures of a screen are: 95% intervals by a bootstrap over its rows."""

from __future__ import annotations

from collections import defaultdict

import numpy as np

from distrib.claims import LEAST
from distrib.data.screens.scoring.metrics import (
    CONSTANT,
    TIMES,
    centred,
    interval,
    parts_of_reference,
)
from distrib.data.screens.scoring.scores import row_table
from distrib.data.screens.screen import Screen

NUMBERS_AT_ONCE = 2**22
"""Draws times columns that are added up in one go."""


def intervals(
    predicted: np.ndarray,
    screen: Screen,
    reference: np.ndarray,
    parts: np.ndarray | None = None,
    finished: bool = False,
    seed: int = 0,
) -> dict[str, tuple[float, float]]:
    """The middle 95% of every metric of `scores.scores`, by name (Efron 1979, percentiles).

    Rows of one group are drawn together; with fewer than `LEAST` groups there are none.

    Args:
        predicted: (rows, G). reference: (rows, G) or (G,), the training mean of each row.
        parts: (rows,) which rows were held out together; None: as `reference` tells.
        finished: also of what takes long, see `scores.identified`.
    """
    assert screen.targets is not None
    if len(np.unique(screen.groups)) < LEAST:
        return {}
    rows = row_table(predicted, screen, reference, parts, finished).drop(columns="id")
    found = {
        str(name): interval(values.to_numpy(float), seed, groups=screen.groups)
        for name, values in rows.items()
    }
    if parts is None:
        parts = parts_of_reference(reference, len(screen))
    drawn = _column_metrics(predicted, screen, parts, seed)
    found |= {
        name: tuple(np.quantile(values[~np.isnan(values)], [0.025, 0.975]).tolist())
        for name, values in drawn.items()
        if not np.isnan(values).all()
    }
    return {name: ends for name, ends in found.items() if np.isfinite(ends).all()}


def _column_metrics(
    predicted: np.ndarray, screen: Screen, parts: np.ndarray, seed: int
) -> dict[str, np.ndarray]:
    """(TIMES,) each: means over columns, of the rows that were drawn; NaN where none has one."""
    targets = screen.targets
    assert targets is not None
    of_rows = np.unique(screen.groups, return_inverse=True)[1]
    count, columns = of_rows.max() + 1, targets.shape[1]
    drawn = np.random.default_rng(seed).integers(count, size=(TIMES, count))
    times = np.stack([np.bincount(row, minlength=count) for row in drawn]).astype(np.float64)
    weights = times[:, of_rows]
    measured = np.isfinite(targets)
    error = np.where(measured, predicted.astype(np.float64) - targets, 0.0)
    squares, sizes = np.square(error), np.abs(error)
    members = [np.flatnonzero(parts == part) for part in np.unique(parts)]
    moments = [_moments(predicted[m], targets[m], measured[m]) for m in members]
    found: dict[str, list[np.ndarray]] = defaultdict(list)
    size = max(1, NUMBERS_AT_ONCE // columns)
    for start in range(0, TIMES, size):
        part = weights[start : start + size]
        n = part @ measured
        some = np.maximum(n, 1)
        total, degrees = np.zeros((2, len(part), columns))
        for rows, of_columns in zip(members, moments):
            own = part[:, rows] @ measured[rows]
            several = np.maximum(own - 1, 0.0)
            found_in = _correlations(part[:, rows], np.maximum(own, 1), of_columns)
            total += several * found_in
            degrees += several
        within = total / np.where(degrees > 0, degrees, 1.0)
        found["pearson_column"].append(_mean(within, degrees > 0))
        found["rmse_column"].append(_mean(np.sqrt(part @ squares / some), n >= 1))
        found["mae_column"].append(_mean(part @ sizes / some, n >= 1))
    made = {name: np.concatenate(pieces) for name, pieces in found.items()}
    return {**made, "delta_pearson_column": made["pearson_column"]}


def _moments(a: np.ndarray, b: np.ndarray, measured: np.ndarray) -> tuple[np.ndarray, ...]:
    """(rows, G) each: a, b, a², b² and ab around their columns' means, in units of their spread."""
    count = measured.sum(axis=0)
    sides = []
    for values in (a, b):
        x, size, spread = centred(values, measured, count, axis=0)
        constant = spread <= CONSTANT * size
        sides.append(np.where(constant, 0.0, x / np.where(constant, 1.0, spread)))
    x, y = sides
    return x, y, x * x, y * y, x * y


def _correlations(
    weights: np.ndarray, n: np.ndarray, moments: tuple[np.ndarray, ...]
) -> np.ndarray:
    """(draws, G) Pearson's of n (draws, G) rows each; 0 with a constant."""
    x, y, xx, yy, xy = (weights @ part for part in moments)
    spread = np.maximum(xx - x * x / n, 0.0) * np.maximum(yy - y * y / n, 0.0)
    some = spread > CONSTANT**2
    return np.where(some, (xy - x * y / n) / np.sqrt(np.where(some, spread, 1.0)), 0.0)


def _mean(values: np.ndarray, there: np.ndarray) -> np.ndarray:
    """(draws,) over the columns that are `there` (draws, G); NaN where none is."""
    total = np.where(there, values, 0.0).sum(axis=1)
    return np.where(there.any(axis=1), total / np.maximum(there.sum(axis=1), 1), np.nan)
