"""Streams: the rows of a set larger than memory, epoch after epoch, shared by any workers.

    data = open_set("s3://lab/repertoires", columns=["embedding", "target"])
    stream = Stream(data, Rows(256), seed=0, rank=worker.rank, world_size=worker.world_size)
    for step in stream.epoch(0):
        x = dense(step.table, "embedding")  # (rows, d)

An epoch runs in lanes, each a queue of shards of its own. Every global batch takes rows of every
lane, and worker r of W works the lanes r, r + W, ...: with any number of workers the union of their
steps is the same, and so is an epoch that is taken up again with another number of them.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from functools import cached_property, partial
from typing import Any

import numpy as np
import pyarrow as pa

from distrib.data.streams.parquet_set import ParquetSet, Shard
from distrib.data.streams.parquet_set_arrays import joined, with_missing_at
from distrib.data.streams.prefetch import Prefetcher, Stopped
from distrib.data.streams.stream_batches import Rows, Tokens, Window
from distrib.data.streams.stream_lane import Lane, check_position
from distrib.data.streams.stream_plan import Windows, memory_needed, most_lanes, plan, window_bytes
from distrib.errors import DataError, InputError

MEMORY = 256 * 2**20
"""Bytes that a stream may hold, unless told otherwise."""

AT_ONCE = 16
"""Steps cut together, at most."""

_UNITS = (("MiB", 20), ("KiB", 10), ("bytes", 0))
_SHARDS, _ROWS = 0, 1  # what is shuffled: random numbers of their own for each


@dataclass(frozen=True)
class Step:
    """One worker's share of a global batch.

    Attributes:
        tables: with `Tokens` one a lane, each a batch to be padded by itself; else one.
        position: (lanes, 2) int64, where this worker's lanes stand after this step: number of the
            window, and rows (batches of tokens) used of it; zeros at the lanes of other workers,
            so that the sum over the workers is the position of the stream.
    """

    tables: tuple[pa.Table, ...]
    position: np.ndarray

    @property
    def table(self) -> pa.Table:
        """All rows, uncopied."""
        return self.tables[0] if len(self.tables) == 1 else joined(self.tables)

    @property
    def rows(self) -> int:
        """Rows of all tables."""
        return sum(table.num_rows for table in self.tables)


@dataclass(frozen=True)
class Stream:
    """The epochs of a set, or of a part of one, as one worker sees them.

    Every row comes exactly once an epoch. Shuffled, shards are dealt to the lanes anew in every
    epoch, and rows change places within a window: as many shards in a row of one lane as memory
    holds. Lanes and windows follow from the set and these settings, never from the workers.

    Attributes:
        batch: of all workers together.
        seed: of the order; None for the order of files and rows, lane after lane. With `lanes=1`
            that is the order of the set itself.
        lanes: at most so many; fewer where there are fewer shards, a batch has fewer rows, or
            memory holds fewer of the largest shards.
        memory: bytes of decoded rows held by a worker of all lanes; of W workers each holds about
            a W-th of it.
        rank, world_size: which worker of how many.

    Raises:
        InputError: where a setting is out of bounds, memory does not hold one lane's shards, or
            there are fewer lanes than workers.
    """

    data: ParquetSet
    batch: Rows | Tokens
    seed: int | None = None
    lanes: int = 8
    memory: int = MEMORY
    rank: int = 0
    world_size: int = 1

    def __post_init__(self) -> None:
        for name, least in {"lanes": 1, "memory": 1, "world_size": 1, "rank": 0}.items():
            if getattr(self, name) < least:
                raise InputError(
                    f"{name} is out of bounds",
                    found=getattr(self, name),
                    expected=f"at least {least}",
                )
        if self.rank >= self.world_size:
            raise InputError(
                "the rank is out of bounds", found=self.rank, expected=f"below {self.world_size}"
            )
        if self.seed is not None and self.seed < 0:
            raise InputError("the seed is out of bounds", found=self.seed, expected="at least 0")
        self.batch.check(self.data.schema)
        self._check_workers()

    @cached_property
    def num_lanes(self) -> int:
        """Lanes of an epoch, held by all workers together."""
        held = most_lanes(self.memory, self._largest)
        return min(self.lanes, len(self.data.shards), self.batch.most_lanes(), held)

    def describe(self) -> dict[str, Any]:
        """Plain values on which the order depends: a position is of use only where all agree."""
        return {
            "fingerprint": self.data.fingerprint,
            "columns": self.data.schema.names,
            "parts": [asdict(part) for part in self.data.parts],
            "batch": {"kind": type(self.batch).__name__.lower(), **asdict(self.batch)},
            "seed": self.seed,
            "lanes": self.num_lanes,
            "memory": self.memory,
        }

    def epoch(self, epoch: int, position: np.ndarray | None = None) -> Iterator[Step]:
        """This worker's steps, to the end of the epoch; at least one row in each.

        A worker whose lanes are dry ends, though others may have steps left. Rows are read ahead
        by a thread that ends with the iterator (its `close`, or its collection).

        Args:
            position: (lanes, 2), the sum over all workers' positions after one and the same step,
                whatever their number was then; None for the beginning.

        Raises:
            InputError: where the epoch is below 0, or the position is not one of this stream;
                while iterating, where a row has more tokens than a batch.
            DataError: while iterating, where a file is gone, damaged or changed, or a value that is
                needed is missing.
        """
        if epoch < 0:
            raise InputError("the epoch is out of bounds", found=epoch, expected="at least 0")
        windows = self._plan(epoch)
        return self._steps(epoch, windows, self.share(check_position(position, windows)))

    def share(self, position: np.ndarray) -> np.ndarray:
        """This worker's part of the stream's position: what it stands at before any step."""
        share = np.zeros((self.num_lanes, 2), dtype=np.int64)
        share[self._mine] = position[self._mine]
        return share

    @property
    def _mine(self) -> list[int]:
        return list(range(self.rank, self.num_lanes, self.world_size))

    @property
    def _largest(self) -> int:
        return max(shard.bytes for shard in self.data.shards)

    def _steps(self, epoch: int, windows: list[Windows], position: np.ndarray) -> Iterator[Step]:
        # Lanes come to their ends together: this lasts while the next windows are being made.
        limit = len(self._mine) * window_bytes(self.memory, self.num_lanes) // 2
        ahead = Prefetcher(partial(self._cut, epoch, windows, position), _nbytes, limit)
        try:
            for steps in ahead:
                yield from steps
        finally:
            ahead.close()

    def _cut(
        self, epoch: int, windows: list[Windows], position: np.ndarray, stopped: Stopped
    ) -> Iterator[list[Step]]:
        """Steps, a few at once, cut from the windows of this worker's lanes."""

        def make(lane: int, number: int) -> Window:
            return self._window(epoch, lane, number, windows[lane][number], stopped)

        lanes = [Lane(make, lane, position[lane], len(windows[lane])) for lane in self._mine]
        count = self._at_once()
        while True:
            runs = [
                lane.run(self.batch.units(lane.number, self.num_lanes), count) for lane in lanes
            ]
            given = np.array([run.given for run in runs])
            given = given[:, given.any(0)]
            if not given.size:
                return
            positions = np.zeros((count, *position.shape), dtype=np.int64)
            for lane, run in zip(self._mine, runs):
                positions[:, lane] = run.positions
            tables = self.batch.cut([piece for run in runs for piece in run.pieces], given)
            del runs
            yield [Step(*parts) for parts in zip(tables, positions)]
            del tables  # the consumer alone decides how long a step lives

    def _at_once(self) -> int:
        """Steps that are cut together, which spares calls; in all no larger than a window."""
        if not isinstance(self.batch, Rows):
            return 1
        row = max(1, sum(shard.bytes for shard in self.data.shards) // self.data.rows)
        window = window_bytes(self.memory, self.num_lanes)
        return max(1, min(AT_ONCE, window // (row * self.batch.size)))

    def _plan(self, epoch: int) -> list[Windows]:
        limit = window_bytes(self.memory, self.num_lanes)
        return plan(self.data.shards, self.num_lanes, limit, self._rng(epoch, _SHARDS))

    def _rng(self, epoch: int, *what: int) -> np.random.Generator | None:
        if self.seed is None:
            return None
        return np.random.default_rng(np.random.SeedSequence(self.seed, spawn_key=(epoch, *what)))

    def _window(
        self, epoch: int, lane: int, number: int, shards: list[Shard], stopped: Stopped
    ) -> Window:
        tables = []
        for shard in shards:
            if stopped():
                return Window(self.data.schema.empty_table())
            table = self.data.read(shard)
            if isinstance(self.batch, Tokens):
                self._check_lengths(self.batch, shard, table)
            tables.append(with_missing_at(table, self._missing(shard, table)))
            del table
        whole = joined(tables)
        del tables
        return self.batch.arrange(whole, self.num_lanes, self._rng(epoch, _ROWS, lane, number))

    def _check_lengths(self, batch: Tokens, shard: Shard, table: pa.Table) -> None:
        missing = np.flatnonzero(table.column(batch.length).is_null().to_numpy())
        if len(missing):
            raise DataError(
                "a row without a length",
                file=self.data.place(shard),
                where=f"{self._row(shard, int(missing[0]))}, column {batch.length!r}",
                found="no value",
            )
        if (over := batch.too_long(table, self.num_lanes)) is not None:
            row, length = over
            raise InputError(
                "a row longer than a batch",
                file=self.data.place(shard),
                where=f"{self._row(shard, row)}, column {batch.length!r}",
                found=f"{length} tokens",
                expected=f"at most {batch.budget // self.num_lanes}: a budget of {batch.budget} "
                f"in {self.num_lanes} lanes",
                hint="a larger budget, or fewer lanes",
            )

    def _missing(self, shard: Shard, table: pa.Table) -> dict[str, str]:
        """By column, where the first value is missing."""
        places = {}
        for name, column in zip(table.column_names, table.columns):
            if column.null_count:
                row = int(np.flatnonzero(column.is_null().to_numpy())[0])
                places[name] = f"{self.data.place(shard)}, {self._row(shard, row)}"
        return places

    def _row(self, shard: Shard, position: int) -> str:
        return f"row {self.data.row_numbers(shard)[position] + 1}"

    def _check_workers(self) -> None:
        """Raise where memory holds no lane, or where a worker would have none."""
        largest = max(self.data.shards, key=lambda shard: shard.bytes)
        held = most_lanes(self.memory, largest.bytes)
        if held < max(1, min(self.world_size, self.lanes)):
            workers = max(1, min(self.world_size, self.lanes))
            raise InputError(
                "a row group too large for the stream's memory",
                file=self.data.place(largest),
                where=f"row group {largest.group}",
                found=f"{largest.rows} rows of about {_shown(largest.bytes)}",
                expected=f"at most {_shown(window_bytes(self.memory, workers))}, for {workers} "
                f"lanes in {_shown(self.memory)}",
                hint=f"write the set with smaller row groups, or give the stream "
                f"{_shown(memory_needed(largest.bytes, workers))}",
            )
        check_shards(self.data, self.world_size)
        if self.num_lanes < self.world_size:
            raise InputError(
                "fewer lanes than workers",
                found=f"{self.num_lanes} lanes of {self.batch} and lanes={self.lanes}",
                expected=f"at least {self.world_size}, one for each worker",
                hint="more lanes, or a larger batch",
            )


def check_shards(data: ParquetSet, world_size: int) -> None:
    """Raise where a worker would have no row group of its own."""
    if len(data.shards) < world_size:
        raise InputError(
            "fewer row groups than workers",
            file=data.folder,
            found=f"{len(data.shards)} row groups in {len(data.files)} files",
            expected=f"at least {world_size}, one for each worker",
            hint="write the set with smaller row groups",
        )


def _nbytes(steps: list[Step]) -> int:
    return sum(table.nbytes for step in steps for table in step.tables)


def _shown(size: int) -> str:
    unit, power = next((u for u in _UNITS if size >= 2 ** u[1]), _UNITS[-1])
    return f"{size / 2**power:.1f} {unit}" if power else f"{size} {unit}"
