"""Tables of rearrangements, read in blocks: any program's columns, a sequence's rows together."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from distrib.data.files.numbers import MISSING
from distrib.data.files.tables import read_rows, to_numbers
from distrib.data.vdj.prepare.igor_values import decoded, event_of
from distrib.data.vdj.prepare.programs import Columns, Program
from distrib.errors import InputError, nearest

ROWS_AT_ONCE = 50_000


class Block:
    """Some rows of a table, of which each column is read as the program's form says.

    Attributes:
        frame: (rows, columns) strings, empty where a value is missing, indexed by row number.
        file: named in errors.
    """

    def __init__(self, frame: pd.DataFrame, file: Path) -> None:
        self.frame = frame
        self.file = file

    def __len__(self) -> int:
        return len(self.frame)

    def has(self, columns: Columns) -> bool:
        """Whether the table has one of these columns."""
        return any(column in self.frame.columns for column in columns)

    def name(self, columns: Columns, what: str) -> str:
        """The first of these columns that the table has.

        Raises:
            InputError: it has none.
        """
        for column in columns:
            if column in self.frame.columns:
                return column
        raise no_column(columns, what, self.frame.columns, self.file)

    def texts(self, columns: Columns, what: str) -> pd.Series:
        """(rows,) strings of the first of these columns."""
        return self.frame[self.name(columns, what)]

    def numbers(self, columns: Columns, what: str) -> np.ndarray:
        """(rows,) float64 of the first of these columns, NaN where a value is missing.

        Raises:
            InputError: naming the row of what is no number.
        """
        name = self.name(columns, what)
        return to_numbers(self.frame, [name], self.file, missing=True)[:, 0]

    def integers(self, columns: Columns, what: str) -> np.ndarray:
        """`numbers` that are whole.

        Raises:
            InputError: naming the row of what is no whole number.
        """
        values = self.numbers(columns, what)
        wrong = ~np.isnan(values) & (values != np.round(values))
        if wrong.any():
            first = int(np.argmax(wrong))
            raise InputError(f"a fraction where {what} is expected", file=self.file,
                             where=f"{self.place(first)}, column {self.name(columns, what)!r}",
                             found=f"{values[first]:g}", expected="a whole number")  # fmt: skip
        return values

    def place(self, position: int) -> str:
        """Names one row, for errors."""
        return f"row {self.frame.index[position]}"


def read_blocks(
    path: Path,
    program: Program,
    extra: Sequence[str] = (),
    events: Mapping[str, Sequence[Any]] | None = None,
    rows_at_once: int = ROWS_AT_ONCE,
) -> Iterator[Block]:
    """The table in blocks of about `rows_at_once` rows, with the columns that the program names.

    Rows of one sequence are never parted, where the program numbers sequences.

    Args:
        extra: columns to read besides. events: of the model that IGoR's indices are of, as
            `igor_events` gives them.

    Raises:
        InputError: as `read_rows`; none of the columns that hold the V gene; rows of one sequence
            that lie apart.
    """
    rows = read_rows(path)
    _, header = next(rows)
    indices: dict[str, Sequence[str]] = {}  # of columns that hold them, what they mean
    for place, name in enumerate(header):
        if event := (events or {}).get(event_of(name) or ""):
            header[place], indices[event[0]] = event
    wanted = program.named() | set(extra)
    places = [place for place, name in enumerate(header) if name in wanted]
    names = [header[place] for place in places]
    for columns, what in ((program.columns.v_gene, "V genes"), (program.columns.j_gene, "J genes")):
        if not set(columns) & set(names):
            raise no_column(columns, what, header, path)
    missing = {*MISSING, *program.missing}
    sequences = program.scenarios.sequence if program.scenarios else ()
    key = next((names.index(name) for name in sequences if name in names), None)
    numbers: list[int] = []
    cells: list[list[str]] = []
    done: set[str] = set()
    begin = 0  # of the last sequence
    for number, row in rows:
        taken = ["" if row[place] in missing else row[place] for place in places]
        if key is not None and cells and taken[key] != cells[-1][key]:
            done.add(cells[-1][key])
            begin = len(cells)
            if taken[key] in done:
                raise InputError(
                    f"rows of sequence {taken[key]} lie apart",
                    file=path,
                    where=f"row {number}, column {names[key]!r}",
                    expected="the scenarios of a sequence one below the other",
                )
        full = len(cells) >= rows_at_once
        if full and (key is None or begin == len(cells)):
            yield _block(cells, numbers, names, path, indices)
            cells, numbers, begin = [], [], 0
        cells.append(taken)
        numbers.append(number)
    if cells:
        yield _block(cells, numbers, names, path, indices)


def has_indices(path: Path) -> bool:
    """Whether a table holds IGoR's indices instead of values; see `igor_values`."""
    _, header = next(read_rows(path))
    return any(event_of(name) for name in header)


def no_column(columns: Sequence[str], what: str, header: Iterable[str], file: object) -> InputError:
    """The error that says that no column holds what is needed."""
    header = list(map(str, header))
    return InputError(
        f"no column with {what}",
        file=file,
        found=", ".join(header),
        expected=" or ".join(columns) if columns else "a column that the format names",
        hint=next(filter(None, (nearest(column, header) for column in columns)), None),
    )


def _block(
    cells: list[list[str]],
    numbers: list[int],
    names: list[str],
    path: Path,
    indices: Mapping[str, Sequence[str]],
) -> Block:
    columns = dict(zip(names, zip(*cells)))
    frame = pd.DataFrame(columns, index=pd.Index(numbers, name="row"), dtype="str")
    for name in indices.keys() & set(names):
        frame[name] = decoded(frame[name], indices[name], path)
    return Block(frame, path)
