"""Matrices from CSV, TSV and parquet: a column of ids, columns of numbers, columns of labels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from distrib.data.files.ids import as_ids, examples, refuse_damage
from distrib.data.files.labels import assumed_column, check_labels, id_column_of
from distrib.data.files.matrix import Matrix, as_float32, check_lengths, positions
from distrib.data.files.names import mostly_words
from distrib.data.files.numbers import Numbers, with_either_sign
from distrib.data.files.tables import column_numbers, parquet_frame, read_parquet, read_rows
from distrib.errors import InputError, nearest


def read_text_matrix(path: Path, labels: Sequence[str], notes: list[str]) -> Matrix:
    """CSV or TSV, row by row: the text of a large table is never in memory at once."""
    _, header = next(read_rows(path))
    columns = _number_columns(header, labels, path)
    at = {name: position for position, name in enumerate(header)}
    wanted = [at[name] for name in columns]
    id_at = at[id_column_of(header)]
    label_at = [at[name] for name in labels]

    def read(numbers: Numbers) -> Matrix:
        names, lines, values = [], [], []
        texts: list[list[str]] = [[] for _ in labels]
        rows = read_rows(path)
        next(rows)
        for line, cells in rows:
            place = _Place(line, cells[id_at], columns)
            parsed = numbers.parse([cells[j] for j in wanted], place)
            values.append(_narrow(parsed, path, place))
            names.append(cells[id_at])
            lines.append(line)
            for kept, j in zip(texts, label_at):
                kept.append(cells[j])
        ids = as_ids(names, path, lines, assumed_column(header, path))
        kept_labels = {name: check_labels(t, ids, name) for name, t in zip(labels, texts)}
        return Matrix(ids, np.array(columns, dtype=str), np.stack(values), kept_labels)

    return with_either_sign(read, path, notes)


def read_parquet_matrix(path: Path, labels: Sequence[str], notes: list[str]) -> Matrix:
    """Columns of numbers, or one column of lists of one length."""
    table = read_parquet(path)
    lists = [field.name for field in table.schema if _is_list(field.type)]
    if lists:
        return _from_lists(table, lists, path, labels, notes)
    frame = parquet_frame(table, path)
    names = list(frame.columns)
    columns = _number_columns(names, labels, path)
    ids = as_ids(frame[id_column_of(names)].tolist(), path, assumed=assumed_column(names, path))

    def read(numbers: Numbers) -> np.ndarray:
        values = np.empty((len(frame), len(columns)), dtype=np.float32)
        for j, name in enumerate(columns):
            with np.errstate(over="ignore"):
                values[:, j] = column_numbers(frame[name], numbers)
        return values

    values = with_either_sign(read, path, notes)
    for row, column in np.argwhere(np.isinf(values))[:1]:
        raise InputError(
            "a number is not finite in float32",
            file=path,
            where=f"{ids.place(row)}, column {columns[column]!r}",
            found=frame[columns[column]].iloc[row],
        )
    texts = {name: check_labels(frame[name].tolist(), ids, name) for name in labels}
    return Matrix(ids, np.array(columns, dtype=str), values, texts)


def _from_lists(
    table: pa.Table, lists: list[str], path: Path, labels: Sequence[str], notes: list[str]
) -> Matrix:
    frame = parquet_frame(table.drop_columns(lists), path)
    names = list(frame.columns)
    if len(lists) > 1:
        raise InputError(
            "more than one column of lists", file=path, found=", ".join(lists), expected="one"
        )
    if not names:
        raise InputError("the rows have no ids", file=path, expected="a column `id` or an index")
    _check_labels_there(labels, names, path)
    unused = [name for name in names if name not in {id_column_of(names), *labels}]
    if unused:
        notes.append(f"{path.name}: columns beside the lists were left out: {examples(unused)}")
    ids = as_ids(frame[id_column_of(names)].tolist(), path, assumed=assumed_column(names, path))
    column = table.column(lists[0]).combine_chunks()
    lengths = pc.fill_null(pc.list_value_length(column), 0).to_numpy(zero_copy_only=False)
    check_lengths(lengths, ids)
    flat = pc.list_flatten(column).to_numpy(zero_copy_only=False)
    values = as_float32(flat, path).reshape(len(ids), -1)
    texts = {name: check_labels(frame[name].tolist(), ids, name) for name in labels}
    return Matrix(ids, positions(values), values, texts)


def _number_columns(names: Sequence[str], labels: Sequence[str], path: Path) -> list[str]:
    _check_labels_there(labels, names, path)
    among_words = mostly_words(names)
    for number, name in enumerate(names, 1):
        refuse_damage(name, path, f"header, column {number}", among_words)
    text = {id_column_of(names), *labels}
    columns = [name for name in names if name not in text]
    if not columns:
        raise InputError("no column of numbers beside the ids", file=path, found=", ".join(names))
    return columns


def _check_labels_there(labels: Sequence[str], names: Sequence[str], path: Path) -> None:
    shown = ", ".join(names[:8]) + ", ..." * (len(names) > 8)
    for label in labels:
        if label not in names:
            raise InputError(
                f"neither a file nor a column is called {label!r}",
                file=path,
                expected=f"a file, or one of the columns {shown}",
                hint=nearest(label, names),
            )


@dataclass(frozen=True)
class _Place:
    """Names the cells of one row."""

    row: int
    id: str
    columns: Sequence[str]

    def __call__(self, column: int) -> str:
        return f"row {self.row} ({self.id}), column {self.columns[column]!r}"


def _narrow(values: np.ndarray, file: Path, place: _Place) -> np.ndarray:
    """(columns,) float64 to float32; what float32 cannot hold is refused."""
    with np.errstate(over="ignore"):
        narrow = values.astype(np.float32)
    large = np.flatnonzero(np.isinf(narrow))
    if len(large):
        raise InputError(
            "a number is not finite in float32",
            file=file,
            where=place(int(large[0])),
            found=values[large[0]],
        )
    return narrow


def _is_list(kind: pa.DataType) -> bool:
    return (
        pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_fixed_size_list(kind)
    )
