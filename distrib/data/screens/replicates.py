"""Several measurements of a perturbation (guides, repeats) made one profile, and two halves of it.

The mean is weighed where weights are known: given ones, such as numbers of cells, or 1 / s^2 of
standard errors s (the mean of least variance; Cochran, Biometrics 10:101, 1954).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from distrib.data.files.ids import examples
from distrib.errors import InputError


@dataclass(frozen=True)
class Pooled:
    """Perturbations by genes.

    Attributes:
        names: (P,) in the order of their first appearance. values: (P, G) float32, NaN where
            nothing was measured. halves: (2, P, G), the means of every other measurement of a cell,
            NaN where there is only one; None where there are nowhere two.
        most: measurements of a cell at most.
        weights: (P,) what a perturbation's values rest upon: the harmonic mean, over the genes
            measured, of the sum of their measurements' weights. Of 1 / s^2 it is one over the mean
            squared standard error, by which rows of unequal error are weighed best on the whole.
    """

    names: np.ndarray
    values: np.ndarray
    halves: np.ndarray | None
    most: int
    weights: np.ndarray


def pool_entries(
    names: np.ndarray, columns: np.ndarray, width: int, values: np.ndarray, weights: np.ndarray
) -> Pooled:
    """Of single values: (E,) each the perturbation's name, the gene's position, value and weight.

    Args:
        width: number of genes. values: NaN is no measurement.
    """
    there = np.isfinite(values)
    first = dict.fromkeys(names.tolist())
    at = {name: i for i, name in enumerate(first)}
    cells = np.array([at[name] for name in names.tolist()], dtype=np.int64) * width + columns
    cells, values, weights = cells[there], values[there], weights[there]
    size = len(at) * width
    order = np.argsort(cells, kind="stable")
    ranked = cells[order]
    starts = np.flatnonzero(np.r_[True, ranked[1:] != ranked[:-1]]) if len(ranked) else ranked
    place = np.empty(len(cells), dtype=np.int64)
    place[order] = np.arange(len(ranked)) - np.repeat(starts, np.diff(np.r_[starts, len(ranked)]))

    def mean(of: np.ndarray) -> np.ndarray:
        total = np.bincount(cells[of], values[of] * weights[of], size)
        weight = np.bincount(cells[of], weights[of], size)
        with np.errstate(invalid="ignore", divide="ignore"):
            found = np.where(weight > 0, total / weight, np.nan)
        return found.reshape(len(at), width).astype(np.float32)

    every = np.ones(len(cells), dtype=bool)
    most = int(place.max()) + 1 if len(place) else 0
    halves = np.stack([mean(place % 2 == 0), mean(place % 2 == 1)]) if most > 1 else None
    if halves is not None:
        halves[:, np.isnan(halves).any(axis=0)] = np.nan
    values, rest = mean(every), np.bincount(cells, weights, size).reshape(len(at), width)
    return Pooled(
        np.array(list(at), dtype=str), values, halves, most, row_weights(rest, np.isfinite(values))
    )


def row_weights(weights: np.ndarray, there: np.ndarray) -> np.ndarray:
    """(P,) of the weights (P, G) of each row's values the harmonic mean over those that are there.

    Args:
        there: (P, G) bool, where weights are above 0; a row without any has weight 0.
    """
    inverse = np.divide(1.0, weights, out=np.zeros(weights.shape), where=there)
    total = inverse.sum(axis=1)
    return np.divide(there.sum(axis=1), total, out=np.zeros(len(total)), where=total > 0)


def check_weights(weights: np.ndarray, file: object, where: list[str], what: str) -> None:
    """Raise naming the first that is missing, negative or not finite, and how many there are.

    Args:
        where: names each place. what: "weight" or "standard error".
    """
    bad = ~np.isfinite(weights) | (weights < 0)
    if what == "standard error":
        bad |= weights == 0
    if bad.any():
        at = int(np.flatnonzero(bad)[0])
        value = weights[at]
        raise InputError(
            f"a {what} that is {'missing' if np.isnan(value) else 'not above 0'}"
            if what == "standard error"
            else f"a {what} that is {'missing' if np.isnan(value) else 'negative or not finite'}",
            file=file,
            where=where[at],
            found=f"{value:g}, one of {int(bad.sum())} such",
            expected="a number above 0" if what == "standard error" else "a number of 0 or more",
        )
    if not (weights > 0).any():
        raise InputError(f"every {what} is 0", file=file, found=f"{len(weights)} of them")


def about_guides(pooled: Pooled, rows: int, how: str) -> str:
    """A line on what became of several measurements."""
    return (
        f"{rows:,} measurements were pooled into a row for each of {len(pooled.names):,} names "
        f"({how}; at most {pooled.most} of one value): {examples(pooled.names)}"
    )
