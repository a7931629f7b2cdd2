"""The order of an epoch, from metadata alone: shards dealt to lanes, lanes cut into windows.

It does not depend on how many workers there are: each works some of the lanes, so that a run may
go on with more or fewer of them in mid-epoch.
"""

from __future__ import annotations

import heapq
from collections.abc import Sequence
from itertools import pairwise

import numpy as np

from distrib.data.streams.parquet_set import Shard

Windows = list[list[Shard]]
"""Of one lane: the shards that are read, shuffled and used up together, in turn."""

_LONGEST = 1 << 30  # bytes of a window: Arrow's texts count theirs in 31 bits


def window_bytes(memory: int, num_lanes: int) -> int:
    """What one window may take, of `memory` for all.

    Every lane has one in use, and up to half of one in steps that wait; the window being made takes
    up to four times its size: as stored, as unpacked, as decoded, as shuffled. The rest goes to the
    step in use and to what the allocator keeps of freed memory (measured: experiments/stream).
    """
    return min(memory // (3 * num_lanes + 4), _LONGEST)


def memory_needed(largest: int, num_lanes: int) -> int:
    """The least memory with which so many lanes can hold a shard of `largest` bytes each."""
    return largest * (3 * num_lanes + 4)


def most_lanes(memory: int, largest: int) -> int:
    """How many lanes fit the memory where the largest shard has so many bytes; 0 for none."""
    if largest > _LONGEST:
        return 0
    return max(0, (memory // max(largest, 1) - 4) // 3)


def plan(
    shards: Sequence[Shard], num_lanes: int, limit: int, rng: np.random.Generator | None
) -> list[Windows]:
    """The windows of every lane.

    Args:
        shards: at least `num_lanes`, each of at most `limit` bytes.
        limit: bytes of a window.
        rng: shuffles the shards; None keeps them in order, lane after lane.
    """
    if rng is None:
        lanes = _contiguous(shards, num_lanes)
    else:
        lanes = _dealt([shards[i] for i in rng.permutation(len(shards))], num_lanes)
    return [_windows(lane, limit) for lane in lanes]


def _dealt(shards: Sequence[Shard], num_lanes: int) -> list[list[Shard]]:
    """Each shard to the lane with the fewest rows so far, the first of equals."""
    lanes: list[list[Shard]] = [[] for _ in range(num_lanes)]
    filled = [(0, lane) for lane in range(num_lanes)]
    for shard in shards:
        rows, lane = heapq.heappop(filled)
        lanes[lane].append(shard)
        heapq.heappush(filled, (rows + shard.rows, lane))
    return lanes


def _contiguous(shards: Sequence[Shard], num_lanes: int) -> list[list[Shard]]:
    """Ranges of about as many rows, none empty."""
    before = np.cumsum([0, *(shard.rows for shard in shards)])
    cuts = [0]
    for lane in range(1, num_lanes):
        cut = int(np.searchsorted(before, before[-1] * lane / num_lanes))
        cuts.append(min(max(cut, cuts[-1] + 1), len(shards) - num_lanes + lane))
    cuts.append(len(shards))
    return [list(shards[start:stop]) for start, stop in pairwise(cuts)]


def _windows(lane: Sequence[Shard], limit: int) -> Windows:
    windows: Windows = []
    size = 0
    for shard in lane:
        if not windows or size + shard.bytes > limit:
            windows.append([])
            size = 0
        windows[-1].append(shard)
        size += shard.bytes
    return windows
