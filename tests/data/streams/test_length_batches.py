"""Batches of rows of like length: nothing lost, nothing twice, no budget broken, little padding."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from distrib.data.streams.length_batches import by_budget, by_size, cuts

LENGTHS = st.lists(st.integers(1, 60), max_size=60).map(lambda x: np.array(x, dtype=np.int64))


def every_row_once(batches: list[np.ndarray], count: int) -> bool:
    rows = np.concatenate([np.empty(0, dtype=np.int64), *batches])
    return sorted(rows.tolist()) == list(range(count)) and all(len(batch) for batch in batches)


def padded(lengths: np.ndarray, batch: np.ndarray) -> int:
    return len(batch) * int(lengths[batch].max())


def greedily(lengths: list[int], buckets: list[int], budget: int) -> list[int]:
    """Where batches begin, row by row."""
    starts: list[int] = []
    longest = 0
    for row, (length, bucket) in enumerate(zip(lengths, buckets)):
        longest = max(longest, length)
        rows = row - starts[-1] + 1 if starts else 0
        if not starts or bucket != buckets[row - 1] or rows * longest > budget:
            starts.append(row)
            longest = length
    return starts


@given(LENGTHS, st.lists(st.integers(0, 3), min_size=60, max_size=60), st.integers(60, 400))
def test_batches_begin_where_the_budget_or_a_bucket_ends(
    lengths: np.ndarray, buckets: list[int], budget: int
) -> None:
    of_rows = sorted(buckets[: len(lengths)])
    found = list(cuts(lengths, np.array(of_rows, dtype=np.int64), budget))
    assert found == greedily(lengths.tolist(), of_rows, budget)


@given(LENGTHS, st.integers(1, 300))
def test_a_budget_is_held_and_used(lengths: np.ndarray, budget: int) -> None:
    batches = by_budget(lengths, budget)
    assert every_row_once(batches, len(lengths))
    for batch in batches:
        assert padded(lengths, batch) <= budget or len(batch) == 1
    for batch, after in pairwise(batches):  # the next row would not have fitted
        assert (len(batch) + 1) * lengths[batch].max() > budget
        assert lengths[batch].min() >= lengths[after].max()  # the longest rows first


@given(LENGTHS, st.integers(1, 300))
def test_rows_of_one_length_keep_their_order(lengths: np.ndarray, budget: int) -> None:
    order = np.concatenate([np.empty(0, dtype=np.int64), *by_budget(lengths, budget)])
    assert order.tolist() == sorted(range(len(lengths)), key=lambda row: -lengths[row])


def test_a_row_longer_than_the_budget_is_by_itself() -> None:
    lengths = np.array([5, 900, 3, 800, 4])
    batches = by_budget(lengths, 10)
    assert [batch.tolist() for batch in batches] == [[1], [3], [0, 4], [2]]


def test_rows_without_length_count_as_one() -> None:
    batches = by_budget(np.zeros(7, dtype=np.int64), 3)
    assert [len(batch) for batch in batches] == [3, 3, 1]


def test_no_rows_make_no_batches() -> None:
    none = np.empty(0, dtype=np.int64)
    assert list(cuts(none, none, 9)) == by_budget(none, 9) == []
    assert by_size(none, 4, np.random.default_rng(0)) == []


def test_mixed_lengths_are_padded_by_little() -> None:
    lengths = np.random.default_rng(0).integers(10, 2000, size=3000)
    batches = by_budget(lengths, 16_384)
    assert sum(padded(lengths, batch) for batch in batches) < 1.02 * lengths.sum()
    by_file_order = np.array_split(np.arange(3000), len(batches))
    assert sum(padded(lengths, batch) for batch in by_file_order) > 1.7 * lengths.sum()


@given(LENGTHS, st.integers(1, 9), st.integers(0, 2**16))
def test_batches_of_one_size_are_of_like_length(lengths: np.ndarray, size: int, seed: int) -> None:
    batches = by_size(lengths, size, np.random.default_rng(seed))
    assert every_row_once(batches, len(lengths))
    full, rest = divmod(len(lengths), size)
    assert sorted(map(len, batches)) == [rest] * (rest > 0) + [size] * full
    if rest:  # the longest rows are those that are left
        small = next(batch for batch in batches if len(batch) == rest)
        assert lengths[small].min() == np.sort(lengths)[-rest]
    ranges = sorted((int(lengths[b].min()), int(lengths[b].max())) for b in batches)
    assert all(high <= low for (_, high), (low, _) in pairwise(ranges))


def test_the_seed_tells_the_batches() -> None:
    lengths = np.random.default_rng(0).integers(1, 5, size=50)
    draws = [by_size(lengths, 4, np.random.default_rng(seed)) for seed in (0, 0, 1)]
    first, again, other = [[batch.tolist() for batch in draw] for draw in draws]
    assert first == again != other


@pytest.mark.parametrize("size", [1, 4])
def test_every_batch_comes_first_at_times_and_rows_of_one_length_meet_others(size: int) -> None:
    rng = np.random.default_rng(0)
    lengths = np.repeat([3, 9], 8)
    first, partners = set(), set()
    for _ in range(200):
        batches = by_size(lengths, size, rng)
        first.add(int(lengths[batches[0][0]]))
        partners |= set(next(batch for batch in batches if 0 in batch).tolist())
    assert first == {3, 9}
    assert partners == (set(range(8)) if size > 1 else {0})
