"""Tables as people bring them: CSV, TSV and parquet, read with care and never changed.

Byte-order marks, UTF-16, Windows line ends and semicolons are understood. What cannot be understood
is named by its row: the line of the file counted from 1, header included, as editors and
spreadsheets count.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import IO, Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from distrib.data.files.numbers import Numbers, with_either_sign
from distrib.data.files.text import check_file, open_text, suffix
from distrib.errors import InputError, nearest

_DELIMITERS = {",": "commas", "\t": "tabs", ";": "semicolons"}


def read_rows(path: Path) -> Iterator[tuple[int, list[str]]]:
    """Row number and cells, stripped, of every row of a CSV or TSV, the header first.

    The delimiter (comma, tab or semicolon) is the one that parts the header into most columns.
    Rows with nothing in them are passed over.

    Raises:
        InputError: where the file is missing, empty or not text, has no rows below its header, a
            column without a name or with another's name, or a row of another length.
    """
    with open_text(path) as file:
        delimiter = _delimiter(file.readline(), path)
        file.seek(0)
        yield from _checked_rows(file, delimiter, path)


def read_table(path: Path) -> pd.DataFrame:
    """A table, indexed by row number (`row`).

    CSV and TSV (also `.gz`) give columns of strings, which `to_numbers` turns into numbers where
    they should be; parquet gives its own types, an index of names as its first column.

    Raises:
        InputError: as `read_rows`, or where a parquet file cannot be read.
    """
    if suffix(path) == ".parquet":
        return parquet_frame(read_parquet(path), path)
    rows = read_rows(path)
    _, header = next(rows)
    numbers, cells = zip(*rows)
    columns = dict(zip(header, zip(*cells)))
    return pd.DataFrame(columns, index=pd.Index(numbers, name="row"), dtype="str")


def to_numbers(
    frame: pd.DataFrame,
    columns: Sequence[str],
    file: object,
    *,
    missing: bool = False,
    notes: list[str] | None = None,
) -> np.ndarray:
    """(rows, columns) float64 from columns of strings or numbers.

    Args:
        frame: as `read_table` gives it. file: named in errors.
        missing: whether empty cells and NA are allowed (they become NaN).
        notes: gets a line where decimal commas were read.

    Raises:
        InputError: naming the column that is not there, or the row, the column and what was found.
    """
    for column in columns:
        if column not in frame.columns:
            raise InputError(
                f"no column {column!r}",
                file=file,
                found=", ".join(map(str, frame.columns)),
                hint=nearest(column, map(str, frame.columns)),
            )

    def read(numbers: Numbers) -> np.ndarray:
        values = np.empty((len(frame), len(columns)))
        for j, column in enumerate(columns):
            values[:, j] = column_numbers(frame[column], numbers)
        return values

    values = with_either_sign(read, file, notes)
    bad = np.argwhere(np.isinf(values) | (np.isnan(values) & (not missing)))
    if len(bad):
        row, column = frame.index[bad[0, 0]], columns[bad[0, 1]]
        found = values[tuple(bad[0])]
        raise InputError(
            "a number is missing" if np.isnan(found) else "a number is not finite",
            file=file,
            where=f"row {row}, column {column!r}",
            found=found,
            expected="a finite number",
        )
    return values


def column_numbers(column: pd.Series, numbers: Numbers) -> np.ndarray:
    """(rows,) float64 of one column, of numbers or of strings."""
    if pd.api.types.is_numeric_dtype(column):
        return column.to_numpy(dtype=float, na_value=np.nan)
    texts = [as_text(cell) for cell in column.tolist()]
    return numbers.parse(texts, lambda i: f"row {column.index[i]}, column {column.name!r}")


def read_parquet(path: Path) -> pa.Table:
    """A whole parquet file with at least one row and one column.

    Raises:
        InputError: where it is missing, empty or not parquet.
    """
    check_file(path)
    try:
        table = pq.read_table(path, use_threads=False)
        table.validate(full=True)  # texts that are no UTF-8 would be found out much later
    except (pa.ArrowException, OSError, ValueError) as error:
        raise InputError("not a readable parquet file", file=path, found=error) from None
    if table.num_rows == 0 or table.num_columns == 0:
        raise InputError("the table is empty", file=path)
    return table


def parquet_frame(table: pa.Table, path: Path) -> pd.DataFrame:
    """As `read_table` gives it; an index that only numbers the rows is dropped."""
    try:
        frame = table.to_pandas()
    except (pa.ArrowException, ValueError, KeyError, TypeError) as error:  # of damaged metadata
        raise InputError("not a readable parquet file", file=path, found=error) from None
    nameless = frame.index.name is None and pd.api.types.is_integer_dtype(frame.index)
    frame = frame.reset_index(drop=nameless)
    frame.columns = frame.columns.astype(str)
    frame.index = pd.RangeIndex(1, len(frame) + 1, name="row")
    return frame


def is_index(column: str, path: Path) -> bool:
    """Whether a column of `parquet_frame` is the file's index of names."""
    levels = (pq.read_schema(path).pandas_metadata or {}).get("index_columns", [])
    return column in levels or (column == "index" and "__index_level_0__" in levels)


def as_text(cell: Any) -> str:
    """A cell of any type as stripped text, empty where it is missing."""
    if isinstance(cell, bytes):
        return cell.decode(errors="backslashreplace").strip()
    return str(cell).strip() if isinstance(cell, str) or not pd.isna(cell) else ""


def _delimiter(header: str, path: Path) -> str:
    if "\0" in header:
        raise InputError("the file is not UTF-8 text", file=path, found="NUL bytes in its header")
    usual = "\t" if suffix(path) == ".tsv" else ","
    candidates = sorted(_DELIMITERS, key=lambda d: d != usual)  # ties go to the file's ending

    def columns(delimiter: str) -> int:
        return len(next(csv.reader([header], delimiter=delimiter), []))

    return max(candidates, key=columns)


def _checked_rows(file: IO[str], delimiter: str, path: Path) -> Iterator[tuple[int, list[str]]]:
    reader = csv.reader(file, delimiter=delimiter, strict=True)
    header: list[str] | None = None
    rows = 0
    try:
        for record in reader:
            cells = list(map(str.strip, record))
            if not any(cells):
                continue
            if header is None:
                header = cells
                _check_header(header, reader.line_num, path)
            else:
                rows += 1
                if len(cells) != len(header):
                    raise _ragged(cells, header, reader.line_num, path, delimiter, first=rows == 1)
            yield reader.line_num, cells
    except csv.Error as error:
        raise InputError(
            "a row cannot be taken apart",
            file=path,
            where=f"row {reader.line_num}",
            found=error,
            hint="is a quotation mark left open?",
        ) from None
    if header is None:
        raise InputError("the file is empty", file=path)
    if not rows:
        raise InputError("a header and no rows", file=path, found=", ".join(header))


def _check_header(header: list[str], row: int, path: Path) -> None:
    seen: dict[str, int] = {}
    for number, name in enumerate(header, 1):
        if not name and number > 1:
            raise InputError("a column without a name", file=path, where=f"column {number}")
        if name in seen:
            raise InputError(
                f"duplicate column {name!r}",
                file=path,
                where=f"row {row}, columns {seen[name]} and {number}",
            )
        seen[name] = number


def _ragged(
    cells: list[str], header: list[str], row: int, path: Path, delimiter: str, first: bool
) -> InputError:
    hint = None
    if len(cells) > len(header) and delimiter == ",":
        hint = "decimal commas in a table parted by commas? quote them, or part with semicolons"
    if first and len(cells) == len(header) + 1:
        hint = "the header lacks a name for the first column (in R: write.table(..., col.names=NA))"
    return InputError(
        "a row with another number of fields than the header",
        file=path,
        where=f"row {row}",
        found=f"{len(cells)} cells, parted by {_DELIMITERS[delimiter]}",
        expected=f"{len(header)}",
        hint=hint,
    )
