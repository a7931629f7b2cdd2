"""Labels by id (groups, folds), and which column of a table holds the ids."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from distrib.data.files.ids import Ids, as_ids
from distrib.data.files.tables import as_text, is_index, read_table
from distrib.data.files.text import suffix
from distrib.errors import InputError

ID_COLUMNS = ("id", "gene_id")


def read_labels(path: Path, name: str) -> tuple[Ids, np.ndarray]:
    """Ids and (rows,) str of the column `name` (or the only other one) of a table.

    Raises:
        InputError: where the column is not there or a row has no label.
    """
    frame = read_table(path)
    names = list(frame.columns)
    id_column, assumed = id_column_of(names), assumed_column(names, path)
    others = [column for column in names if column != id_column]
    column = name if name in others else others[0] if len(others) == 1 else None
    if column is None:
        raise InputError(
            f"no column {name!r}", file=path, found=", ".join(names), expected=f"id, {name}"
        )
    ids = as_ids(frame[id_column].tolist(), path, frame.index.tolist(), assumed)
    return ids, check_labels(frame[column].tolist(), ids, column)


def check_labels(cells: Sequence[object], ids: Ids, column: str) -> np.ndarray:
    """(rows,) str; raises naming the first row without a label."""
    texts = [as_text(cell) for cell in cells]
    for position, text in enumerate(texts):
        if not text:
            raise InputError(
                f"a row without {column}", file=ids.file, where=ids.place(position), found="nothing"
            )
    return np.array(texts, dtype=str)


def id_column_of(names: Sequence[str]) -> str:
    """The column called `id`, else the one called `gene_id`, else the first."""
    known = {name.lower(): name for name in reversed(names)}
    return next((known[name] for name in ID_COLUMNS if name in known), names[0])


def assumed_column(names: Sequence[str], path: Path) -> str | None:
    """The column of the ids where only its place says so: not its name, nor an index."""
    column = id_column_of(names)
    plain = column.lower() in ID_COLUMNS or not column  # as R and pandas leave names of rows
    return None if plain or (suffix(path) == ".parquet" and is_index(column, path)) else column
