"""Rows of numbers below one or more header rows, read fast; the slow way names what is wrong."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd

from distrib.data.files.text import open_text
from distrib.errors import InputError

AT_ONCE = 2**18
"""Rows that are read in one go."""


def read_header(path: Path, count: int) -> list[list[str]]:
    """The first `count` rows, cells stripped."""
    with open_text(path) as file:
        lines = [file.readline().rstrip("\r\n") for _ in range(count)]
    return [[cell.strip().strip('"') for cell in line.split(",")] for line in lines]


def read_numbers(path: Path, columns: int, header_rows: int) -> np.ndarray:
    """(rows, columns) float64 below the header, NaN for empty cells.

    Raises:
        InputError: a row of another length, or a cell that is no number; rows are lines of the
            file, counted from 1.
    """
    parts = [part for _, part in read_parts(path, columns, header_rows)]
    return parts[0] if len(parts) == 1 else np.concatenate(parts)


def read_parts(path: Path, columns: int, header_rows: int) -> Iterator[tuple[int, np.ndarray]]:
    """The same in parts of `AT_ONCE` rows, each with the number of the rows before it."""
    start, found = 0, None
    with open_text(path) as file:
        try:
            parts = pd.read_csv(
                file,
                header=None,
                skiprows=header_rows,
                names=list(range(columns)),
                index_col=False,
                dtype=np.float64,
                on_bad_lines="error",
                chunksize=AT_ONCE,
            )
            while (part := _next(parts)) is not None:
                if not np.isfinite(part[:, -1]).all():  # as of a row that is too short
                    break
                yield start, part
                start += len(part)
            else:
                if start:
                    return
        except (ValueError, pd.errors.ParserError, pd.errors.ParserWarning) as error:
            found = error
    yield start, _carefully(path, columns, header_rows, found)[start:]


def _next(parts: Iterator[pd.DataFrame]) -> np.ndarray | None:
    with warnings.catch_warnings():
        # Of rows that are longer than the header, whose last cells it leaves out.
        warnings.simplefilter("error", pd.errors.ParserWarning)
        part = next(parts, None)
    return None if part is None else part.to_numpy()


def _carefully(path: Path, columns: int, header_rows: int, found: object) -> np.ndarray:
    rows: list[list[float]] = []
    with open_text(path) as file:
        for number, line in enumerate(file, 1):
            if number <= header_rows or not line.strip():
                continue
            cells = [cell.strip().strip('"') for cell in line.rstrip("\r\n").split(",")]
            if len(cells) != columns:
                raise InputError(
                    "a row of another length than the header",
                    file=path,
                    where=f"row {number}",
                    found=f"{len(cells)} cells",
                    expected=f"{columns}",
                )
            rows.append([_number(c, path, number, place) for place, c in enumerate(cells, 1)])
    if not rows:
        raise InputError("a header and no rows", file=path, found=found)
    return np.array(rows)


def _number(cell: str, path: Path, row: int, column: int) -> float:
    if cell.lower() in ("", "na", "nan"):
        return np.nan
    try:
        return float(cell)
    except ValueError:
        raise InputError(
            "not a number", file=path, where=f"row {row}, column {column}", found=repr(cell)
        ) from None
