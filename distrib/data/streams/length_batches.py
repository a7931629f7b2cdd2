"""Batches of rows of like length, so that little of a padded batch is padding."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from itertools import pairwise

import numpy as np


def cuts(lengths: np.ndarray, buckets: np.ndarray, budget: int) -> Iterator[int]:
    """Where batches begin: as many rows as the budget holds, of one bucket.

    Args:
        lengths: (rows,) int64, each at least 1 and at most `budget`.
        buckets: (rows,) int64, equal ones beside each other.
        budget: the most tokens of a batch as padded: its rows times the longest of them.
    """
    ends = [*(np.flatnonzero(np.diff(buckets)) + 1).tolist(), len(lengths)]
    start = 0
    while start < len(lengths):
        yield start
        end = ends[bisect_left(ends, start + 1)]
        most = min(end, start + budget // int(lengths[start]))  # more rows cannot fit
        longest = np.maximum.accumulate(lengths[start:most])
        padded = longest * np.arange(1, most - start + 1)  # ascends
        start += int(np.searchsorted(padded, budget, side="right"))


def by_budget(lengths: np.ndarray, budget: int) -> list[np.ndarray]:
    """Row numbers of batches of at most `budget` tokens as padded, the longest rows first.

    A row longer than the budget is a batch by itself.
    """
    order = np.argsort(-lengths, kind="stable")
    most = np.minimum(np.maximum(lengths[order], 1), budget)
    edges = [*cuts(most, np.zeros_like(most), budget), len(order)]
    return [order[start:stop] for start, stop in pairwise(edges)]


def by_size(lengths: np.ndarray, size: int, rng: np.random.Generator) -> list[np.ndarray]:
    """Row numbers of batches of `size` rows of like length (the last one smaller), in any order.

    Rows of one length change places with each call, and so do the batches.
    """
    order = rng.permutation(len(lengths))
    order = order[np.argsort(lengths[order], kind="stable")]
    batches = [order[start : start + size] for start in range(0, len(order), size)]
    return [batches[k] for k in rng.permutation(len(batches))]


def shuffled_by_budget(
    lengths: np.ndarray, budget: int, buckets: Sequence[int], rng: np.random.Generator
) -> list[np.ndarray]:
    """Row numbers of batches of at most `budget` tokens as padded, of like length, in any order.

    Args:
        lengths: (rows,) int64, each at least 1 and at most `budget`.
        buckets: ascending lengths; rows between two of them are alike. Empty: sorted by length.
    """
    alike = np.searchsorted(buckets, lengths) if buckets else lengths
    order = rng.permutation(len(lengths))
    order = order[np.argsort(alike[order], kind="stable")]
    bucket = alike[order] if buckets else np.zeros_like(order)
    edges = [*cuts(lengths[order], bucket, budget), len(order)]
    batches = [order[start:stop] for start, stop in pairwise(edges)]
    return [batches[i] for i in rng.permutation(len(batches))]
