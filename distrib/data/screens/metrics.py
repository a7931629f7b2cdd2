"""How well predicted profiles match measured ones, per row and per column.

A missing target (NaN) is left out, whatever was predicted for it. A prediction that is not finite
makes its row and its column NaN: a diverged model is seen, not averaged away.
A correlation with a constant (predicted or measured) counts as 0; where fewer than two values were
measured there is none, and the row or column has no part in the mean.
"""

from __future__ import annotations

import math

import numpy as np

CONSTANT = 1e-6
"""A spread below this part of the values' size is rounding: the values are constant."""

TIMES = 1000
"""How often a bootstrap draws as many rows as there are, with replacement."""

ROWS_ONLY = ("mse", "l2")
"""Metrics that are summed up over rows alone: of a column, the RMSE says as much."""


def correlation(a: np.ndarray, b: np.ndarray, measured: np.ndarray, axis: int) -> np.ndarray:
    """Pearson's correlation along `axis` over the measured entries.

    Args:
        a, b: (N, G). measured: (N, G) bool.

    Returns:
        One value per remaining position; 0 with a constant, NaN with fewer than two entries.
    """
    count = measured.sum(axis)
    with np.errstate(invalid="ignore", divide="ignore"):
        a, scale_a, spread_a = centred(a, measured, count, axis)
        b, scale_b, spread_b = centred(b, measured, count, axis)
        value = (a * b).sum(axis) / (spread_a * spread_b)
        constant = (spread_a <= CONSTANT * scale_a) | (spread_b <= CONSTANT * scale_b)
    value = np.where(constant & np.isfinite(spread_a) & np.isfinite(spread_b), 0.0, value)
    return np.where(count >= 2, value, np.nan)


def centred(
    x: np.ndarray, measured: np.ndarray, count: np.ndarray, axis: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Deviations from the mean along `axis`, 0 where not measured; size before and after."""
    x = np.where(measured, x, 0.0).astype(np.float64)
    scale = np.sqrt(np.square(x).sum(axis))
    mean = x.sum(axis) / np.maximum(count, 1)
    x = np.where(measured, x - np.expand_dims(mean, axis), 0.0)
    return x, scale, np.sqrt(np.square(x).sum(axis))


def table(
    predicted: np.ndarray, targets: np.ndarray, reference: np.ndarray, axis: int
) -> dict[str, np.ndarray]:
    """Every metric along `axis`: 1 gives one value per row, 0 one per column.

    Args:
        predicted, targets: (N, G); NaN in `targets` is not measured.
        reference: (N, G) or (G,), the mean profile of the rows that each row's model trained on.

    Returns:
        pearson; delta_pearson, that of the differences to `reference`; rmse, mae and l2 (the length
        of the error) in the targets' units; mse. NaN where nothing was measured.
    """
    measured = np.isfinite(targets)
    count = measured.sum(axis)
    with np.errstate(invalid="ignore", over="ignore"):
        error = np.where(measured, predicted.astype(np.float64) - targets, 0.0)
        delta, target_delta = predicted - reference, targets - reference
        squares, sizes = np.square(error).sum(axis), np.abs(error).sum(axis)
    some = np.maximum(count, 1)
    errors = {
        "rmse": np.sqrt(squares / some),
        "mae": sizes / some,
        "mse": squares / some,
        "l2": np.sqrt(squares),
    }
    return {
        "pearson": correlation(predicted, targets, measured, axis),
        "delta_pearson": correlation(delta, target_delta, measured, axis),
        **{name: np.where(count > 0, values, np.nan) for name, values in errors.items()},
    }


def summary(predicted: np.ndarray, targets: np.ndarray, reference: np.ndarray) -> dict[str, float]:
    """Means of `table` over rows (`pearson`, ...) and over columns (`pearson_column`, ...).

    A metric that no row (no column) has is absent: a row's Pearson where there is one column.
    """
    values: dict[str, float] = {}
    measured = np.isfinite(targets)
    for axis, suffix in ((1, ""), (0, "_column")):
        count = measured.sum(axis)
        for name, column in table(predicted, targets, reference, axis).items():
            scored = column[count >= (2 if "pearson" in name else 1)]
            if len(scored) and not (suffix and name in ROWS_ONLY):
                values[name + suffix] = float(scored.mean())
    return values


def interval(values: np.ndarray, seed: int = 0, times: int = TIMES) -> tuple[float, float]:
    """The middle 95% of means of `values` (rows,) drawn with replacement; NaN are left out.

    The percentile bootstrap (Efron 1979); both ends are NaN where there are fewer than two
    values, or one is infinite.
    """
    values = values[~np.isnan(values)]
    if len(values) < 2:
        return math.nan, math.nan
    if not np.isfinite(values).all():
        return math.nan, math.nan
    drawn = np.random.default_rng(seed).integers(len(values), size=(times, len(values)))
    low, high = np.quantile(values[drawn].mean(axis=1), [0.025, 0.975])
    return float(low), float(high)
