"""How the rows of a window become batches: so many rows, or so many tokens by length."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import pyarrow as pa

from distrib.data.streams.length_batches import cuts, shuffled_by_budget
from distrib.data.streams.parquet_set_arrays import dense, is_text, joined, ragged
from distrib.errors import InputError


@dataclass(frozen=True)
class Window:
    """Rows of one lane in the order of their use.

    Attributes:
        edges: (units + 1,) int64, where each piece that is never parted begins and ends: a batch
            of tokens. None where every row is such a piece.
    """

    table: pa.Table
    edges: np.ndarray | None = None

    def __len__(self) -> int:
        """Units: rows, or batches of tokens."""
        return self.table.num_rows if self.edges is None else len(self.edges) - 1

    def piece(self, start: int, stop: int) -> pa.Table:
        """The rows of the units from `start` to `stop`, uncopied."""
        if self.edges is not None:
            start, stop = int(self.edges[start]), int(self.edges[stop])
        return self.table.slice(start, stop - start)

    def rest(self, start: int) -> pa.Table:
        """The rows of the units from `start` on, copied: the window's memory can go at once."""
        piece = self.piece(start, len(self))
        return _take(piece, np.arange(piece.num_rows))


@dataclass(frozen=True)
class Rows:
    """Batches of so many rows over all workers; the last ones of an epoch may be smaller."""

    size: int

    def check(self, schema: pa.Schema) -> None:
        """Raise where no such batches can be made."""
        if self.size < 1:
            raise InputError("a batch needs at least one row", found=self.size)

    def most_lanes(self) -> int:
        """A lane gives at least one row to every batch."""
        return self.size

    def units(self, lane: int, num_lanes: int) -> int:
        """Rows that a lane gives to one batch."""
        return self.size // num_lanes + (lane < self.size % num_lanes)

    def cut(self, pieces: Sequence[pa.Table], given: np.ndarray) -> list[tuple[pa.Table, ...]]:
        """The tables of a few steps in a row: one each, with its rows beside each other.

        Args:
            pieces: of every lane, lane after lane. given: (lanes, steps) rows to each step.
        """
        step = np.repeat(np.tile(np.arange(given.shape[1]), len(given)), given.ravel())
        table = _take(joined(pieces), np.argsort(step, kind="stable"))
        edges = np.cumsum([0, *given.sum(0)])
        return [(table.slice(start, stop - start),) for start, stop in pairwise(edges)]

    def arrange(self, table: pa.Table, num_lanes: int, rng: np.random.Generator | None) -> Window:
        """The rows of a window, shuffled where there is an `rng`."""
        if rng is None:
            return Window(table)
        return Window(_take(table, rng.permutation(table.num_rows)))


@dataclass(frozen=True)
class Tokens:
    """Batches of at most so many tokens over all workers, counted as padded.

    A lane gives one batch of its own to every step, of at most `budget` over the number of lanes:
    rows times the longest of them. Shuffled, rows of like length come together, drawn from one
    window; in order (`seed=None`) they stay as they are.

    Attributes:
        length: the column of a row's tokens (a list, or a text: its bytes), or of their number.
        buckets: ascending lengths; rows between two of them are alike. Empty: sorted by length.
    """

    budget: int
    length: str
    buckets: tuple[int, ...] = ()

    def check(self, schema: pa.Schema) -> None:
        """Raise where no such batches can be made."""
        if self.budget < 1:
            raise InputError("a batch needs at least one token", found=self.budget)
        if list(self.buckets) != sorted(set(self.buckets)):
            raise InputError(
                "the length buckets do not ascend", found=", ".join(map(str, self.buckets))
            )
        if self.length not in schema.names:
            raise InputError(
                f"the lengths' column {self.length!r} is not among those that are read",
                found=", ".join(schema.names),
            )
        self.lengths(schema.empty_table())

    def most_lanes(self) -> int:
        """A lane has at least one token of the budget."""
        return self.budget

    def units(self, lane: int, num_lanes: int) -> int:
        """A lane gives one batch to every step."""
        return 1

    def cut(self, pieces: Sequence[pa.Table], given: np.ndarray) -> list[tuple[pa.Table, ...]]:
        """The tables of one step: a batch of each lane by itself, uncopied."""
        return [tuple(pieces)]

    def lengths(self, table: pa.Table) -> np.ndarray:
        """(rows,) int64, the tokens of each row; a row without any counts as one."""
        kind = table.schema.field(self.length).type
        if pa.types.is_integer(kind):
            return np.maximum(dense(table, self.length).astype(np.int64), 1)
        if pa.types.is_fixed_size_list(kind):
            return np.full(table.num_rows, max(kind.list_size, 1), dtype=np.int64)
        if is_text(kind) or pa.types.is_list(kind) or pa.types.is_large_list(kind):
            return np.maximum(np.diff(ragged(table, self.length)[1]), 1)
        raise InputError(
            "a column that tells no length",
            where=f"column {self.length!r}",
            found=str(kind),
            expected="lists, texts or whole numbers",
        )

    def arrange(self, table: pa.Table, num_lanes: int, rng: np.random.Generator | None) -> Window:
        """The batches of a window, the rows of each one beside each other.

        Every row is known to fit the lane's share of the budget (`too_long`).
        """
        lengths = self.lengths(table)
        budget = self.budget // num_lanes
        if rng is None:
            edges = [*cuts(lengths, np.zeros_like(lengths), budget), len(lengths)]
            return Window(table, np.array(edges, dtype=np.int64))
        batches = shuffled_by_budget(lengths, budget, self.buckets, rng)
        sizes = [len(batch) for batch in batches]
        order = np.concatenate([np.empty(0, np.int64), *batches])
        return Window(_take(table, order), np.cumsum([0, *sizes]))

    def too_long(self, table: pa.Table, num_lanes: int) -> tuple[int, int] | None:
        """Position and length of the first row that no batch can hold, if there is one."""
        lengths = self.lengths(table)
        over = np.flatnonzero(lengths > self.budget // num_lanes)
        return (int(over[0]), int(lengths[over[0]])) if len(over) else None


def _take(table: pa.Table, order: np.ndarray) -> pa.Table:
    return table.take(pa.array(order))
