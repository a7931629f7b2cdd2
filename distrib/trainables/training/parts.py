"""Parts of data, in arrays or streamed: what the data say themselves, else what a seed draws."""

from __future__ import annotations

from typing import Any, Literal, TypeVar

from distrib.data.splits import split_rows
from distrib.data.streams.parquet_set import ParquetSet
from distrib.trainables.base import Data

D = TypeVar("D", bound=Data)


def parted(
    data: D, word: Literal["validation", "test"], fraction: float, seed: int, by: str | None = None
) -> tuple[D, D]:
    """The rest and a part: that which the data call so (`split`), else a share of the groups; of
    data that name their parts, a share of those to train on.

    Args:
        by: the column of a stream whose values are never parted; None: rows are.
    """
    found: Any = data  # a stream, or arrays
    if isinstance(found, ParquetSet):
        of_stream: Any = found.told(word) or found.split(
            fraction, seed, by=by, within="train" if found.names_parts else None
        )
        return of_stream
    rest, part = split_rows(found, word, fraction, seed)
    return found.take(rest), found.take(part)


def count(data: Any) -> int:
    """Rows; of a part of a stream they are counted by reading the columns that part it."""
    return data.count() if isinstance(data, ParquetSet) else len(data.groups)


def is_empty(data: Any) -> bool:
    """Whether there is no row."""
    return data.is_empty() if isinstance(data, ParquetSet) else not len(data.groups)
