"""A matrix of numbers with an id for each row."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from distrib.data.files.ids import Ids
from distrib.errors import InputError


@dataclass(frozen=True)
class Matrix:
    """Numbers by id.

    Attributes:
        ids: of the rows. columns: (columns,) str, their names, or their positions as text.
        values: (rows, columns) float32, NaN = missing.
        labels: text columns that were asked for: name -> (rows,) str.
        file: where the numbers come from, if not from where the ids do.
    """

    ids: Ids
    columns: np.ndarray
    values: np.ndarray
    labels: dict[str, np.ndarray] = field(default_factory=dict)
    file: Path | None = None

    def __post_init__(self) -> None:
        if not self.values.size:
            raise InputError(
                "a matrix without content",
                file=self.file or self.ids.file,
                found=f"shape {self.values.shape}",
                expected="at least one row and one column",
            )


def require_finite(matrix: Matrix) -> None:
    """Raise naming the first row and column without a finite number."""
    for start in range(0, len(matrix.values), 1024):  # in pieces: no second copy of the matrix
        bad = np.argwhere(~np.isfinite(matrix.values[start : start + 1024]))
        if len(bad):
            row, column = start + bad[0, 0], bad[0, 1]
            raise InputError(
                "a number is missing or not finite",
                file=matrix.file or matrix.ids.file,
                where=f"{matrix.ids.place(row)}, column {matrix.columns[column]}",
                found=matrix.values[row, column],
                expected="a finite number (in float32)",
            )


def check_lengths(lengths: np.ndarray, ids: Ids) -> None:
    """Raise naming the first row whose vector, of `lengths` (rows,), is not like the first's."""
    odd = np.flatnonzero(lengths != lengths[0])
    if len(odd):
        raise InputError(
            "a vector of another length",
            file=ids.file,
            where=ids.place(odd[0]),
            found=int(lengths[odd[0]]),
            expected=f"{lengths[0]} numbers, as for {ids.values[0]}",
        )


def positions(values: np.ndarray) -> np.ndarray:
    """Names for the columns of an array that has none: "0", "1", ..."""
    return np.arange(values.shape[1]).astype(str)


def as_float32(array: np.ndarray, path: Path) -> np.ndarray:
    """Numbers of any kind as float32."""
    if array.dtype.kind not in "fiub":
        raise InputError(
            "an array without numbers", file=path, found=array.dtype, expected="floats or integers"
        )
    with np.errstate(over="ignore"):  # infinity is refused, by row, in `require_finite`
        return array.astype(np.float32)
