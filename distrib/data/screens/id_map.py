"""Names made ids, by a table that has both; and which column of a table would have fitted."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import numpy as np

from distrib.data.files.ids import Ids, as_ids
from distrib.data.files.labels import id_column_of
from distrib.data.files.tables import as_text, read_table
from distrib.data.files.text import TABLE_SUFFIXES, suffix
from distrib.errors import InputError, nearest


def read_map(path: Path, column: str | None) -> dict[str, str]:
    """Name -> id of a table such as `tf_sequences.csv`.

    Args:
        column: of the names; None: the only column called `gene_name`, `gene_symbol` or `symbol`.

    Raises:
        InputError: there is no such column, or a name has two ids, or an id two names.
    """
    frame = read_table(path)
    names = list(frame.columns)
    ids = id_column_of(names)
    if column is None:
        known = [n for n in names if n.lower() in ("gene_name", "gene_symbol", "symbol", "name")]
        column = known[0] if len(known) == 1 else None
    if column is None or column not in names or column == ids:
        raise InputError(
            "which column has the names?" if column is None else f"no column {column!r} of names",
            file=path,
            found=", ".join(names[:8]),
            expected=f"--id-column NAME, a column beside {ids!r}",
            hint=nearest(column, names) if column else None,
        )
    found: dict[str, str] = {}
    back: dict[str, str] = {}
    for row, name, id_ in zip(
        frame.index, *([as_text(c) for c in frame[n]] for n in (column, ids))
    ):
        if not name or not id_:
            continue
        for one, other, mapping, what in (
            (name, id_, found, f"{column} {name!r} stands for two ids"),
            (id_, name, back, f"{ids} {id_!r} has two names"),
        ):
            if mapping.setdefault(one, other) != other:
                raise InputError(
                    what,
                    file=path,
                    where=f"row {row}",
                    found=f"{mapping[one]} and {other}",
                    expected="one",
                )
    return found


def by_id(ids: Ids, known: dict[str, str], notes: list[str]) -> Ids:
    """Names made ids, where more of them are names than ids; what is neither stays as it is."""
    values = ids.values.tolist()
    there = set(known.values())
    named = sum(value in known for value in values)
    if named <= sum(value in there for value in values):
        return ids
    notes.append(f"{named} of {len(ids)} names of {ids.file.name} were made ids")
    made = np.array([known.get(value, value) for value in values], dtype=str)
    try:
        return replace(ids, values=made, assumed=None)
    except InputError as error:
        raise InputError(
            "two names of one file are one id",
            file=ids.file,
            found=str(error).splitlines()[0],
        ) from None


def with_column(path: Path, column: str) -> Ids:
    """The ids of a table, from this column of it."""
    frame = read_table(path)
    if column not in frame.columns:
        raise InputError(
            f"no column {column!r}",
            file=path,
            found=", ".join(list(frame.columns)[:8]),
            hint=nearest(column, list(frame.columns)),
        )
    return as_ids(frame[column].tolist(), path, frame.index.tolist())


def fitting_columns(left: Path, right: Path) -> str | None:
    """Which columns of two tables would match, in a line; None where none would."""
    sides = [dict(_texts(path)) for path in (left, right)]
    best: tuple[int, str, str] = (0, "", "")
    for one, ours in sides[0].items():
        for other, theirs in sides[1].items():
            best = max(best, (len(ours & theirs), one, other))
    count, one, other = best
    if not count:
        return None
    return f"{count} would match by {one} of {left.name} and {other} of {right.name}"


def _texts(path: Path) -> Iterable[tuple[str, set[str]]]:
    """Columns of words of a table, or arrays of text of a `.npz`, by name."""
    if suffix(path) == ".npz":
        from distrib.data.files.matrix_arrays import read_arrays

        for name, array in read_arrays(path).items():
            if array.ndim == 1 and array.dtype.kind in "US":
                yield repr(name), set(map(str, array.tolist()))
    elif suffix(path) in (".npy", ".txt"):
        from distrib.data.files.matrix_arrays import read_ids

        yield "its ids", set(read_ids(path).values.tolist())
    elif suffix(path) in TABLE_SUFFIXES:
        frame = read_table(path)
        for name in frame.columns:
            texts = {as_text(cell) for cell in frame[name].tolist()}
            if not all(text.replace(".", "").replace("-", "").isdigit() for text in texts if text):
                yield f"--id-column {name}", texts - {""}
