"""Rows of numbers below one or more header rows, read fast; the slow way names what is wrong."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from distrib.data.files.text import open_text
from distrib.errors import InputError


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
    with open_text(path) as file:
        try:
            frame = pd.read_csv(
                file,
                header=None,
                skiprows=header_rows,
                names=list(range(columns)),
                index_col=False,
                dtype=np.float64,
                on_bad_lines="error",
            )
        except (ValueError, pd.errors.ParserError) as error:
            found: object = error
        except pd.errors.ParserWarning as error:  # rows longer than the header
            found = error
        else:
            if len(frame) and np.isfinite(frame.iloc[:, -1]).all():
                return frame.to_numpy()
            found = None
    return _carefully(path, columns, header_rows, found)


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
