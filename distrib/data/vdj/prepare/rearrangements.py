"""Tables of rearrangements, read in blocks: any program's columns, a sequence's rows together."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from distrib.data.files.numbers import MISSING
from distrib.data.files.tables import read_rows, to_numbers
from distrib.data.vdj.prepare.igor_values import decoded, event_of
from distrib.data.vdj.prepare.programs import Columns, Program, Split
from distrib.data.vdj.prepare.repeats import Again, Repeats
from distrib.data.vdj.prepare.zeros import Zeros
from distrib.errors import InputError, nearest

ROWS_AT_ONCE = 50_000


class Block:
    """Some rows of a table, of which each column is read as the program's form says.

    Attributes:
        frame: (rows, columns) strings, empty where a value is missing, indexed by row number.
        file: named in errors. known: the columns that the format names. header: all of the table's.
        again: (rows,) object, of a row with the id of an earlier one ("same" or "rival", number of
            that row), else None.
        told: what was understood of the block's cells -> in how many rows.
    """

    def __init__(
        self,
        frame: pd.DataFrame,
        file: Path,
        known: Iterable[str] = (),
        header: Sequence[str] = (),
        again: Sequence[Again] | None = None,
        told: Mapping[str, int] | None = None,
    ) -> None:
        self.frame = frame
        self.file = file
        self.known = frozenset(known)
        self.header = list(header) or list(frame.columns)
        self.again = np.empty(len(frame), object)
        if again is not None:
            self.again[:] = again
        self.told = dict(told or {})

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
        raise self.no_column(columns, what)

    def no_column(self, columns: Columns, what: str, hint: str | None = None) -> InputError:
        """The error that says that no column of the table holds what is needed."""
        return no_column(columns, what, self.header, self.file, self.known, hint)

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
            raise no_column(columns, what, header, path, program.named())
    missing = {*MISSING, *program.missing}
    lengths = program.lengths()
    zeros = Zeros(program.zero, lengths, path, missing)
    # Where a word may stand for 0, all are kept until the block tells.
    absent = [set() if program.zero and name in lengths else missing for name in names]
    sequences = program.scenarios.sequence if program.scenarios else ()
    key = next((names.index(name) for name in sequences if name in names), None)
    own = _place(program.columns.sequence, names)
    repeats = Repeats(None if own is None else names[own], path)
    person = _place(program.columns.subject, names)
    numbers: list[int] = []
    cells: list[list[str]] = []
    again: list[Again] = []
    done: set[str] = set()
    begin = 0  # of the last sequence

    def block() -> Block:
        frame = _frame(cells, numbers, names, path, indices)
        zeros.settle(frame)
        told = {**zeros.told, **repeats.told()}
        for column, split in program.split.items():
            if column in frame:
                _split(frame, column, split, path)
        return Block(frame, path, program.named(), header, again, told)

    for number, row in rows:
        taken = ["" if row[place] in words else row[place] for place, words in zip(places, absent)]
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
            yield block()
            cells, numbers, again, begin = [], [], [], 0
        subject = taken[person] if person is not None else ""
        name = taken[own] if own is not None else ""
        again.append(None if program.scenarios else repeats.look(subject, name, row, number))
        cells.append(taken)
        numbers.append(number)
    if cells:
        yield block()


def has_indices(path: Path) -> bool:
    """Whether a table holds IGoR's indices instead of values; see `igor_values`."""
    _, header = next(read_rows(path))
    return any(event_of(name) for name in header)


def no_column(
    columns: Sequence[str],
    what: str,
    header: Iterable[str],
    file: object,
    known: Iterable[str] = (),
    hint: str | None = None,
) -> InputError:
    """The error that says that no column holds what is needed.

    Args:
        known: columns that the format names: such a one is there for itself, and no misspelling.
        hint: a better one than the nearest column.
    """
    header = list(map(str, header))
    others = [name for name in header if name not in set(known)]
    near = next(filter(None, (nearest(column, others) for column in columns)), None)
    return InputError(
        f"no column with {what}",
        file=file,
        found=", ".join(header),
        expected=" or ".join(columns) if columns else "a column that the format names",
        hint=hint or near,
    )


def _place(columns: Columns, names: Sequence[str]) -> int | None:
    """Where the first of these columns stands that is there."""
    return next((names.index(name) for name in columns if name in names), None)


def _split(frame: pd.DataFrame, column: str, split: Split, path: Path) -> None:
    """Add the columns that parts of a column go into; empty where it has none.

    Raises:
        InputError: naming the row whose column has too few parts.
    """
    parts = frame[column].str.split(split.by, regex=False, expand=True)
    most = max(part if isinstance(part, int) else part[0] for part in split.into.values())
    filled = (frame[column] != "").to_numpy()
    short = filled & (frame[column].str.count(re.escape(split.by)).to_numpy() + 1 < most)
    if short.any():
        first = int(np.argmax(short))
        raise InputError("too few parts in a cell", file=path,
                         where=f"row {frame.index[first]}, column {column!r}",
                         found=repr(frame[column].iloc[first][:80]),
                         expected=f"at least {most} parts, parted by {split.by!r}")  # fmt: skip
    for name, place in split.into.items():
        part, added = (place, 0) if isinstance(place, int) else place
        if part > parts.shape[1]:  # nowhere filled
            frame[name] = ""
            continue
        texts = parts[part - 1].fillna("").str.strip()
        if added:
            values = pd.to_numeric(texts, errors="coerce") + added
            texts = texts.where(values.isna(), values.map(lambda value: f"{value:g}"))
        frame[name] = texts.astype("str")


def _frame(
    cells: list[list[str]],
    numbers: list[int],
    names: list[str],
    path: Path,
    indices: Mapping[str, Sequence[str]],
) -> pd.DataFrame:
    columns = dict(zip(names, zip(*cells)))
    frame = pd.DataFrame(columns, index=pd.Index(numbers, name="row"), dtype="str")
    for name in indices.keys() & set(names):
        frame[name] = decoded(frame[name], indices[name], path)
    return frame
