"""Parts of a set drawn by hashing: which rows belong to a test part, without a list of them.

Hashes are of this module's own making and mean the same on every machine and in every version:
a row stays in its part however the set is read, moved or renamed as a folder.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from distrib.data.streams.parquet_set_arrays import is_text, ragged
from distrib.errors import InputError

_STEP = np.uint64(0x9E3779B97F4A7C15)  # 2**64 over the golden ratio, odd: splitmix64's increment
_BASE = np.uint64(0x100000001B3)  # the multiplier of the polynomial over a text's bytes (FNV's)
_PIECE = 1 << 18  # bytes of text hashed at once: their powers take eight times as much


@dataclass(frozen=True)
class Part:
    """One side of one split.

    Attributes:
        by: the column whose equal values stay together, or None for rows each on its own.
        fraction: share of the values (of the rows) in the test part.
        depth: how many splits came before: splits of one seed are independent of each other.
        test: whether this is the test part, or the rest.
        within: the test part is of rows that the column `split` calls so; None: of all.
    """

    by: str | None
    fraction: float
    seed: int
    depth: int
    test: bool
    within: str | None = None

    def keeps(self, hashes: np.ndarray, words: np.ndarray | None = None) -> np.ndarray:
        """(rows,) bool from (rows,) uint64 hashes of the rows' values of `by`.

        Args:
            words: (rows,) str of the column `split`, where the part is `within` one of them.
        """
        key = np.random.SeedSequence(self.seed, spawn_key=(self.depth,)).generate_state(1, "uint64")
        inside = mix(hashes + key) < np.uint64(int(self.fraction * 2**64))
        if self.within is not None:
            inside &= words == self.within
        return inside if self.test else ~inside


@dataclass(frozen=True)
class Told:
    """One side of a split that a column of the data tells.

    Attributes:
        by: the column. word: of a part. test: whether this is that part, or the rest.
    """

    by: str
    word: str
    test: bool

    def keeps(self, words: np.ndarray) -> np.ndarray:
        """(rows,) bool from (rows,) str, what the column says."""
        return (words == self.word) == self.test


def check_key(schema: pa.Schema, by: str, file: object) -> None:
    """Raise where the column `by` cannot part rows: it has neither texts nor whole numbers."""
    kind = schema.field(by).type
    if not (is_text(kind) or pa.types.is_integer(kind)):
        raise InputError(
            "a split needs a column of texts or whole numbers",
            file=file,
            where=f"column {by!r}",
            found=str(kind),
        )


def hash_rows(file: str, first: int, rows: int) -> np.ndarray:
    """(rows,) uint64 of the rows from number `first` on (counted from 0) of the file `file`."""
    name = np.frombuffer(file.encode(), np.uint8)
    numbers = np.arange(first, first + rows, dtype=np.uint64)
    return mix(hash_texts(name, np.array([0, len(name)])) + mix(numbers))


def hash_column(table: pa.Table, column: str) -> np.ndarray:
    """(rows,) uint64 of a column of texts or whole numbers; equal numbers of any width agree."""
    values = table.column(column)
    if is_text(values.type):
        return hash_texts(*ragged(table, column))
    return mix(values.to_numpy().astype(np.uint64))


def hash_texts(values: np.ndarray, offsets: np.ndarray) -> np.ndarray:
    """Hash texts by a polynomial over their bytes, modulo 2**64, then mixed with their length.

    Args:
        values: (total,) uint8. offsets: (rows + 1,) int64, text i is from offsets[i] to
            offsets[i + 1].

    Returns:
        (rows,) uint64.
    """
    lengths = np.diff(offsets)
    powers = np.full(int(lengths.max(initial=0)) + 1, _BASE)
    powers[0] = 1
    powers = np.cumprod(powers, dtype=np.uint64)
    sums = np.empty(len(lengths), np.uint64)
    start = 0
    while start < len(lengths):
        stop = int(np.searchsorted(offsets, offsets[start] + _PIECE, side="right")) - 1
        stop = min(max(stop, start + 1), len(lengths))  # a text longer than a piece is a piece
        edges = offsets[start : stop + 1] - offsets[start]
        places = np.arange(edges[-1]) - np.repeat(edges[:-1], lengths[start:stop])
        letters = values[offsets[start] : offsets[stop]].astype(np.uint64) + np.uint64(1)
        totals = np.concatenate([np.zeros(1, np.uint64), np.cumsum(letters * powers[places])])
        sums[start:stop] = totals[edges[1:]] - totals[edges[:-1]]
        start = stop
    return mix(sums + lengths.astype(np.uint64) * _STEP)


def mix(values: np.ndarray) -> np.ndarray:
    """Spread (n,) uint64 over all 64 bits, one to one: splitmix64 (Steele, Lea and Flood 2014)."""
    z = values + _STEP
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return z ^ (z >> np.uint64(31))
