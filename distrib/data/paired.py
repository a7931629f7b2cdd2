"""Whether one model is better than another: the difference of their figures, row by row.

Two models judged on the same rows err on them together, so that the interval of their difference is
far narrower than either's own. Rows of one group are one observation: they are drawn together. Each
row keeps the prediction of the fold that lacked it; nothing is trained again.

The interval is a symmetric bootstrap-t (Hall, The Bootstrap and Edgeworth Expansion, 1992, 3.6),
which holds for few rows. Where a winner was chosen among several configurations on these very rows,
its interval is the one that covers the differences of all of them at once: the bootstrap's
distribution of the largest studentised deviation (White, Econometrica 68:1097, 2000; Romano and
Wolf, Econometrica 73:1237, 2005). It holds whichever of them was chosen, and however.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from distrib.claims import LEAST

TIMES = 2000
LEVEL = 0.95

EQUAL = 1e-6
"""Figures that differ by a smaller part of their size are equal but for rounding."""

NUMBERS_AT_ONCE = 2**22


@dataclass(frozen=True)
class Difference:
    """A mean difference, and where it lies with 95% confidence.

    Attributes:
        value: the mean over rows. low, high: of the interval, None where there is none.
        rows, groups: that it rests upon.
    """

    value: float
    low: float | None
    high: float | None
    rows: int
    groups: int


def gains(winner: np.ndarray, other: np.ndarray, direction: Literal["min", "max"]) -> np.ndarray:
    """(rows,) by how much the first is better; 0 where they are equal but for rounding."""
    found = winner - other if direction == "max" else other - winner
    with np.errstate(invalid="ignore"):
        equal = np.abs(found) <= EQUAL * np.maximum(np.abs(winner), np.abs(other))
    return np.where(equal, 0.0, found)


def mean_difference(
    differences: np.ndarray,
    groups: np.ndarray,
    among: Sequence[np.ndarray] = (),
    unknown: int = 0,
    seed: int = 0,
) -> Difference:
    """The mean of `differences` (rows,) and its 95% interval; NaN have no part in it.

    Args:
        groups: (rows,) rows of one are drawn together.
        among: of each configuration that it was chosen among, itself or not, (rows,) the same
            differences, NaN for the rows that it was not judged on.
        unknown: of how many more nothing is known row by row.
    """
    there = np.isfinite(differences)
    groups_there = len(np.unique(groups[there]))
    rows = int(there.sum())
    value = float(differences[there].mean()) if rows else math.nan
    if min(rows, groups_there) < LEAST:
        return Difference(value, None, None, rows, groups_there)
    distinct = {row.tobytes(): row for row in (differences, *among) if _judged(row, groups)}
    values = np.stack(list(distinct.values()))
    error = float(_errors(*_sums(values, groups))[1][0])
    reach = critical_value(values, groups, unknown, seed) * error if error else 0.0
    if not math.isfinite(reach):
        return Difference(value, None, None, rows, groups_there)
    return Difference(value, value - reach, value + reach, rows, groups_there)


def critical_value(
    values: np.ndarray, groups: np.ndarray, unknown: int = 0, seed: int = 0
) -> float:
    """How many standard errors all means together lie from the truth at most, in 95% of draws.

    Args:
        values: (models, rows), NaN where there is none. groups: (rows,).
        unknown: models beside them, each of which is taken to go astray as often as the first, and
            when no other does (Bonferroni). Infinity where there are too many for the draws.
    """
    totals, counts = _sums(values, groups)
    mean, _ = _errors(totals, counts)
    number = totals.shape[1]
    rng = np.random.default_rng(seed)
    squares = totals**2, totals * counts, counts**2
    largest, first = np.empty(TIMES), np.empty(TIMES)
    size = max(1, NUMBERS_AT_ONCE // max(number, len(values)))
    for start in range(0, TIMES, size):
        times = min(size, TIMES - start)
        drawn = rng.integers(number, size=(times, number))
        weights = np.stack([np.bincount(draw, minlength=number) for draw in drawn]).astype(float)
        total, count = weights @ totals.T, weights @ counts.T
        tt, tc, cc = (weights @ part.T for part in squares)
        with np.errstate(invalid="ignore", divide="ignore"):
            again = total / count
            residual = np.maximum(tt - 2 * again * tc + again**2 * cc, 0.0)
            error = np.sqrt(residual * number / (number - 1)) / count
            far = np.abs(again - mean)
            deviation = np.where(far <= EQUAL * np.abs(mean), 0.0, far / error)
        # A draw without any row of a model says nothing of it.
        deviation = np.nan_to_num(deviation, nan=0.0, posinf=np.inf)
        largest[start : start + times] = deviation.max(axis=1)
        first[start : start + times] = deviation[:, 0]
    if not unknown:
        return float(np.quantile(largest, LEVEL, method="higher"))
    ranked = np.sort(largest)
    beyond = (
        TIMES
        - 1
        - np.arange(TIMES)
        + unknown * (TIMES - np.searchsorted(np.sort(first), ranked, side="right"))
    )
    allowed = np.flatnonzero(beyond <= (1 - LEVEL) * TIMES)
    if unknown > (1 - LEVEL) * TIMES or not len(allowed):
        return math.inf
    return float(ranked[allowed[0]])


def _judged(values: np.ndarray, groups: np.ndarray) -> bool:
    there = np.isfinite(values)
    return len(np.unique(groups[there])) >= 2


def _sums(values: np.ndarray, groups: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(models, groups) each: sums over the rows of a group, and how many those are."""
    of_rows = np.unique(groups, return_inverse=True)[1]
    members = np.zeros((len(of_rows), of_rows.max() + 1))
    members[np.arange(len(of_rows)), of_rows] = 1.0
    there = np.isfinite(values)
    return np.where(there, values, 0.0) @ members, there @ members


def _errors(totals: np.ndarray, counts: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(models,) each: means, and their standard errors as ratios of sums over groups."""
    number = totals.shape[1]
    mean = totals.sum(axis=1) / counts.sum(axis=1)
    residual = np.square(totals - mean[:, None] * counts).sum(axis=1)
    return mean, np.sqrt(residual * number / (number - 1)) / counts.sum(axis=1)
