"""Where the batches of a training come from: rows of arrays, or rows of a stream of Parquet files.

Both give the same: parts of global batches, this worker's, with the place after each, from which
an epoch is taken up again by any number of workers. The order follows from the seed and the epoch.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Protocol

import numpy as np

from distrib.data.streams.length_batches import by_budget, shuffled_by_budget
from distrib.data.streams.parquet_set import ParquetSet
from distrib.data.streams.stream import Stream
from distrib.data.streams.stream_batches import Rows, Tokens
from distrib.errors import InputError
from distrib.trainables.base import Worker

LANES = 8
"""Of a shuffled stream, and so the most workers."""


@dataclass(frozen=True)
class Part:
    """This worker's part of a batch.

    Attributes:
        rows: tables, or data taken from arrays, each with rows; none where the part is empty.
        amount: rows of all of them. place: where this worker stands after it.
    """

    rows: Sequence[Any]
    amount: int
    place: np.ndarray


class Batches(Protocol):
    """The rows of one training, or of one judgement.

    Attributes:
        start: the place at the beginning of an epoch.
    """

    @property
    def start(self) -> np.ndarray: ...

    @property
    def amount(self) -> float:
        """Rows of an epoch, over all workers."""

    def share(self, place: np.ndarray) -> np.ndarray:
        """This worker's part of a place, such that those of all workers sum to it."""

    def epoch(self, epoch: int, place: np.ndarray) -> Iterator[Part]:
        """The parts of an epoch from a place on, shuffled by `seed` and `epoch`."""

    def spare(self) -> Any:
        """One row, for a worker that has none in a step."""


@dataclass(frozen=True)
class ArrayBatches:
    """Batches of rows that are in memory; a worker takes every `world_size`th row of each.

    Attributes:
        data: with `take` and `groups`. batch: of all workers together.
        lengths: (rows,) tokens of each row, for batches of tokens.
        seed: of the order; None for batches in no random order (those of tokens by length).
    """

    data: Any
    batch: Rows | Tokens
    lengths: np.ndarray | None
    seed: int | None
    rank: int = 0
    world_size: int = 1

    def __post_init__(self) -> None:
        if isinstance(self.batch, Rows):
            return
        assert self.lengths is not None
        if len(over := np.flatnonzero(self.lengths > self.batch.budget)):
            raise InputError(
                "a row longer than a batch",
                where=f"row {over[0] + 1}",
                found=f"{self.lengths[over[0]]} tokens",
                expected=f"at most {self.batch.budget}",
                hint="a larger budget of tokens, or rows cut shorter",
            )

    @property
    def start(self) -> np.ndarray:
        return np.zeros(1, dtype=np.int64)

    @property
    def amount(self) -> float:
        return len(self.data.groups)

    def share(self, place: np.ndarray) -> np.ndarray:
        return place if self.rank == 0 else np.zeros_like(place)

    def orders(self, epoch: int) -> list[np.ndarray]:
        """Row numbers of each global batch of an epoch."""
        count = len(self.data.groups)
        rng = None if self.seed is None else np.random.default_rng([self.seed, epoch])
        if isinstance(self.batch, Rows):
            order = np.arange(count) if rng is None else rng.permutation(count)
            return [order[i : i + self.batch.size] for i in range(0, count, self.batch.size)]
        assert self.lengths is not None
        lengths = np.maximum(self.lengths, 1)
        if rng is None:
            return by_budget(lengths, self.batch.budget)
        return shuffled_by_budget(lengths, self.batch.budget, self.batch.buckets, rng)

    def epoch(self, epoch: int, place: np.ndarray) -> Iterator[Part]:
        for number, rows in enumerate(self.orders(epoch)):
            if number < place[0]:
                continue
            mine = rows[self.rank :: self.world_size]
            parts = [self.data.take(mine)] if len(mine) else []
            yield Part(parts, len(mine), self.share(np.array([number + 1])))

    def spare(self) -> Any:
        return self.data.take(np.arange(1))


@dataclass(frozen=True)
class StreamBatches:
    """Batches of a stream: see `Stream`."""

    stream: Stream

    @property
    def start(self) -> np.ndarray:
        return np.zeros((self.stream.num_lanes, 2), dtype=np.int64)

    @cached_property
    def amount(self) -> float:
        return self.stream.data.count()

    def share(self, place: np.ndarray) -> np.ndarray:
        return self.stream.share(place)

    def epoch(self, epoch: int, place: np.ndarray) -> Iterator[Part]:
        for step in self.stream.epoch(epoch, place):
            tables = [table for table in step.tables if table.num_rows]
            yield Part(tables, step.rows, step.position)

    def spare(self) -> Any:
        data = self.stream.data
        return next(t for t in map(data.read, data.shards) if t.num_rows).slice(0, 1)


def batches_of(
    data: Any,
    batch: Rows | Tokens,
    worker: Worker,
    *,
    seed: int | None = None,
    lengths: np.ndarray | None = None,
) -> Batches:
    """This worker's batches of arrays or of a stream; without a seed in no random order."""
    group = {"rank": worker.rank, "world_size": worker.world_size}
    if isinstance(data, ParquetSet):
        lanes = LANES if seed is not None or worker.world_size > 1 else 1
        return StreamBatches(Stream(data, batch, seed, lanes, **group))
    return ArrayBatches(data, batch, lengths, seed, **group)
