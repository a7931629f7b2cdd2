"""How sure the figures of a screen are: 95% intervals by a bootstrap over its rows."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from distrib.data.metrics import CONSTANT, interval
from distrib.data.screen import Screen
from distrib.data.screen_scores import row_table

TIMES = 1000
"""How often rows are drawn, as many as there are, with replacement."""

NUMBERS_AT_ONCE = 2**22
"""Draws times columns that are added up in one go."""


def intervals(
    predicted: np.ndarray, screen: Screen, reference: np.ndarray, seed: int = 0
) -> dict[str, tuple[float, float]]:
    """The middle 95% of every metric of `screen_scores.scores`, by name (Efron 1979, percentiles).

    Args:
        predicted: (rows, G). reference: (rows, G) or (G,), the training mean of each row.
    """
    assert screen.targets is not None
    rows = row_table(predicted, screen, reference).drop(columns="id")
    found = {str(name): interval(values.to_numpy(float), seed) for name, values in rows.items()}
    drawn = _column_metrics(predicted, screen.targets, reference, seed)
    found |= {
        name: tuple(np.quantile(values[~np.isnan(values)], [0.025, 0.975]).tolist())
        for name, values in drawn.items()
        if not np.isnan(values).all()
    }
    return {name: ends for name, ends in found.items() if np.isfinite(ends).all()}


def _column_metrics(
    predicted: np.ndarray, targets: np.ndarray, reference: np.ndarray, seed: int
) -> dict[str, np.ndarray]:
    """(TIMES,) each: means over columns, of the rows that were drawn; NaN where none has one."""
    count, columns = targets.shape
    if count < 2:
        return {}
    drawn = np.random.default_rng(seed).integers(count, size=(TIMES, count))
    weights = np.stack([np.bincount(row, minlength=count) for row in drawn]).astype(np.float64)
    size = max(1, NUMBERS_AT_ONCE // columns)
    parts = [weights[start : start + size] for start in range(0, TIMES, size)]
    measured = np.isfinite(targets)
    error = np.where(measured, predicted.astype(np.float64) - targets, 0.0)
    counts = [part @ measured for part in parts]
    found = {}
    for name, a, b in (
        ("pearson_column", predicted, targets),
        ("delta_pearson_column", predicted - reference, targets - reference),
    ):
        moments = _moments(a, b, measured)
        found[name] = [_correlations(part, n, moments) for part, n in zip(parts, counts)]
    squares, sizes = np.square(error), np.abs(error)
    found["rmse_column"] = [
        np.sqrt(part @ squares / np.maximum(n, 1)) for part, n in zip(parts, counts)
    ]
    found["mae_column"] = [part @ sizes / np.maximum(n, 1) for part, n in zip(parts, counts)]
    return {
        name: np.concatenate(list(_means(values, counts, 2 if "pearson" in name else 1)))
        for name, values in found.items()
    }


def _moments(a: np.ndarray, b: np.ndarray, measured: np.ndarray) -> tuple[np.ndarray, ...]:
    """(rows, G) each: a, b, a², b² and ab around their columns' means, in units of their spread."""
    sides = []
    for values in (a, b):
        x = np.where(measured, values, 0.0).astype(np.float64)
        size = np.sqrt(np.square(x).sum(axis=0))
        x = np.where(measured, x - x.sum(axis=0) / np.maximum(measured.sum(axis=0), 1), 0.0)
        spread = np.sqrt(np.square(x).sum(axis=0))
        constant = spread <= CONSTANT * size
        sides.append(np.where(constant, 0.0, x / np.where(constant, 1.0, spread)))
    x, y = sides
    return x, y, x * x, y * y, x * y


def _correlations(
    weights: np.ndarray, count: np.ndarray, moments: tuple[np.ndarray, ...]
) -> np.ndarray:
    """(draws, G) Pearson's; 0 with a constant."""
    n = np.maximum(count, 1)
    x, y, xx, yy, xy = (weights @ part for part in moments)
    spread = np.maximum(xx - x * x / n, 0.0) * np.maximum(yy - y * y / n, 0.0)
    some = spread > CONSTANT**2
    return np.where(some, (xy - x * y / n) / np.sqrt(np.where(some, spread, 1.0)), 0.0)


def _means(values: list[np.ndarray], counts: list[np.ndarray], least: int) -> Iterator[np.ndarray]:
    """(draws,) each: the mean over the columns with `least` entries and more."""
    for part, count in zip(values, counts):
        there = count >= least
        total = np.where(there, part, 0.0).sum(axis=1)
        yield np.where(there.any(axis=1), total / np.maximum(there.sum(axis=1), 1), np.nan)
