"""How well predicted profiles match measured ones, per row and per column.

A missing target (NaN) is left out, whatever was predicted for it. A prediction that is not finite
makes its row and its column NaN: a diverged model is seen, not averaged away.
A correlation with a constant (predicted or measured) counts as 0; where fewer than two values were
measured there is none, and the row or column has no part in the mean.

Noise wins nothing: no number stands on both sides of a correlation. What a row's model was trained
on decides its prediction and the mean that is taken from it; from what was measured the mean of the
rows held out together with it is taken (its *part*: a fold, or all of a test), which that model has
not seen. Had both sides the training mean m taken from them, a prediction of nothing would score
the correlation of -m with y - m: with few rows, 0.3 and more on pure noise. Columns are correlated
within each part, since a part's mean and that of all other rows move against each other. What all
perturbations share is so taken out on either side, as Systema does (Vinas Torne et al., Nature
Biotechnology 2025), but by data that the other side does not know.
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


def correlation_within(
    a: np.ndarray, b: np.ndarray, measured: np.ndarray, parts: np.ndarray
) -> np.ndarray:
    """(G,) Pearson's correlation of each column within each part (N,), their mean by degrees of
    freedom: rows less one. NaN where no part has two rows.
    """
    total, weight = np.zeros((2, a.shape[1]))
    for part in np.unique(parts):
        rows = parts == part
        count = measured[rows].sum(axis=0)
        found = correlation(a[rows], b[rows], measured[rows], 0)
        total += np.where(count >= 2, (count - 1) * found, 0.0)
        weight += np.maximum(count - 1, 0)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(weight > 0, total / weight, np.nan)


def parts_of_reference(reference: np.ndarray, count: int) -> np.ndarray:
    """(N,) which rows were held out together, as far as the means that they trained on tell.

    Rows of one mean were, where every mean is that of several rows; else all are one part.
    """
    one = np.zeros(count, dtype=np.int64)
    if reference.ndim == 1 or not count:
        return one
    known: dict[bytes, int] = {}
    parts = np.array([known.setdefault(row.tobytes(), len(known)) for row in reference])
    return parts if np.bincount(parts).min() > 1 else one


def part_means(
    values: np.ndarray, measured: np.ndarray, parts: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """(N, G) each: the mean of each column over the rows of a row's part, and of how many."""
    of_rows = np.unique(parts, return_inverse=True)[1]
    members = np.zeros((of_rows.max() + 1, len(of_rows)))
    members[of_rows, np.arange(len(of_rows))] = 1.0
    count = members @ measured
    with np.errstate(invalid="ignore"):
        mean = members @ np.where(measured, values, 0.0) / np.maximum(count, 1)
    return mean[of_rows], count[of_rows]


def table(
    predicted: np.ndarray,
    targets: np.ndarray,
    reference: np.ndarray,
    axis: int,
    parts: np.ndarray | None = None,
) -> dict[str, np.ndarray]:
    """Every metric along `axis`: 1 gives one value per row, 0 one per column.

    Args:
        predicted, targets: (N, G); NaN in `targets` is not measured.
        reference: (N, G) or (G,), the mean profile of the rows that each row's model trained on.
        parts: (N,) which rows were held out together; None: see `parts_of_reference`.

    Returns:
        pearson, of a column within parts; delta_pearson, of a row that of the prediction less
        `reference` with the measured less the mean of its part, of a column the same as pearson;
        rmse, mae and l2 (the length of the error) in the targets' units; mse. NaN where nothing was
        measured, or (delta_pearson) where nothing else was in the row's part.
    """
    measured = np.isfinite(targets)
    count = measured.sum(axis)
    parts = parts_of_reference(reference, len(targets)) if parts is None else parts
    with np.errstate(invalid="ignore", over="ignore"):
        error = np.where(measured, predicted.astype(np.float64) - targets, 0.0)
        squares, sizes = np.square(error).sum(axis), np.abs(error).sum(axis)
    some = np.maximum(count, 1)
    errors = {
        "rmse": np.sqrt(squares / some),
        "mae": sizes / some,
        "mse": squares / some,
        "l2": np.sqrt(squares),
    }
    if axis == 0:
        pearson = delta = correlation_within(predicted, targets, measured, parts)
    else:
        pearson = correlation(predicted, targets, measured, 1)
        delta = delta_correlation(predicted, targets, reference, parts)
    return {
        "pearson": pearson,
        "delta_pearson": delta,
        **{name: np.where(count > 0, values, np.nan) for name, values in errors.items()},
    }


def delta_correlation(
    predicted: np.ndarray, targets: np.ndarray, reference: np.ndarray, parts: np.ndarray
) -> np.ndarray:
    """(N,) `delta_pearson` of the rows, over the targets that another row of the part has too."""
    measured = np.isfinite(targets)
    mean, count = part_means(targets, measured, parts)
    with np.errstate(invalid="ignore", over="ignore"):
        return correlation(predicted - reference, targets - mean, measured & (count >= 2), 1)


def summary(
    predicted: np.ndarray,
    targets: np.ndarray,
    reference: np.ndarray,
    parts: np.ndarray | None = None,
) -> dict[str, float]:
    """Means of `table` over rows (`pearson`, ...) and over columns (`pearson_column`, ...).

    A metric that no row (no column) has is absent: a row's Pearson where there is one column.
    """
    values: dict[str, float] = {}
    measured = np.isfinite(targets)
    shared = measured
    if parts is None:
        parts = parts_of_reference(reference, len(targets))
    if len(targets):
        shared = measured & (part_means(targets, measured, parts)[1] >= 2)
    for axis, suffix in ((1, ""), (0, "_column")):
        for name, column in table(predicted, targets, reference, axis, parts).items():
            among = (
                shared if name == "delta_pearson" or (suffix and name == "pearson") else measured
            )
            scored = column[among.sum(axis) >= (2 if "pearson" in name else 1)]
            if len(scored) and not (suffix and name in ROWS_ONLY):
                values[name + suffix] = float(scored.mean())
    return values


def interval(
    values: np.ndarray, seed: int = 0, times: int = TIMES, groups: np.ndarray | None = None
) -> tuple[float, float]:
    """The middle 95% of means of `values` (rows,) drawn with replacement; NaN are left out.

    The percentile bootstrap (Efron 1979); both ends are NaN where there are fewer than two
    values, or one is infinite.

    Args:
        groups: (rows,) rows of one are drawn together; None: each by itself.
    """
    there = ~np.isnan(values)
    values = values[there]
    if len(values) < 2:
        return math.nan, math.nan
    if not np.isfinite(values).all():
        return math.nan, math.nan
    rng = np.random.default_rng(seed)
    if groups is None or len(np.unique(groups[there])) == len(values):
        means = values[rng.integers(len(values), size=(times, len(values)))].mean(axis=1)
    else:
        of_rows = np.unique(groups[there], return_inverse=True)[1]
        totals, counts = np.bincount(of_rows, values), np.bincount(of_rows)
        if len(counts) < 2:
            return math.nan, math.nan
        drawn = rng.integers(len(counts), size=(times, len(counts)))
        means = totals[drawn].sum(axis=1) / counts[drawn].sum(axis=1)
    low, high = np.quantile(means, [0.025, 0.975])
    return float(low), float(high)
