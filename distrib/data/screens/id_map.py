"""Names made ids, by a table that has both; and which column of a table would have fitted."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from itertools import islice
from pathlib import Path

import numpy as np

from distrib.data.files.ids import Ids, as_ids, examples
from distrib.data.files.labels import id_column_of
from distrib.data.files.numbers import MISSING
from distrib.data.files.tables import as_text, read_parquet, read_rows, read_table
from distrib.data.files.text import TABLE_SUFFIXES, suffix
from distrib.errors import InputError, nearest

_LOOKED_AT = 20
"""Rows at the top of a table that tell a column of words from one of numbers."""

_SHOWN = 3


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
    if column == ids:
        raise InputError(
            "no column of ids beside the names",
            file=path,
            found=", ".join(names[:8]),
            expected=f"{column}, and a column `gene_id` or `id`",
        )
    if column is None or column not in names:
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


def fitting_columns(
    left: Ids, right: Ids, option: str, maps: Sequence[Path], others: Sequence[Path] = ()
) -> str | None:
    """What would match two sides that have no id in common, in a line; None where nothing would.

    Args:
        option: how a column of the left file's ids is named ("--row"). maps: tables that may hold
            names and ids. others: what the right ids come with, looked at without an option.
    """
    ours, theirs = set(left.values.tolist()), set(right.values.tolist())
    found: list[tuple[int, str]] = []
    for column, texts in _texts(left.file):
        said = f"{option} {column} of {left.file.name}"
        found.append((len(texts & theirs), said))
    for path in maps:
        if suffix(path) not in TABLE_SUFFIXES:
            continue
        frame = read_table(path)
        ids = id_column_of(list(frame.columns))
        of_rows = [as_text(cell) for cell in frame[ids].tolist()]
        for column, _ in _texts(path):
            names = [as_text(cell) for cell in frame[column].tolist()]
            known = {name for name, id_ in zip(names, of_rows) if id_ in theirs and name in ours}
            if column != ids:
                found.append((len(known), f"--ids {path} --id-column {column}"))
    for path in others:
        for column, texts in _texts(path):
            said = f"{column} of {path.name}, which no option takes: write them as its ids"
            found.append((len(texts & ours), said))
    count, said = max(found, key=lambda one: one[0], default=(0, ""))
    return f"{count} would match by {said}" if count else None


def refuse_words(path: Path, columns: Sequence[str], mapped: bool) -> None:
    """Raise where a column that should hold numbers begins with names, and say what takes it.

    Args:
        columns: of a table. mapped: whether names are made ids by another table.
    """
    words = {name: found for name, found in _first_texts(path) if name in set(columns)}
    words = {name: found for name, found in words.items() if _are_words(found)}
    if not words:
        return
    name, found = next(iter(words.items()))
    option = "--id-column" if len(set(found)) == len(found) else "--perturbation-column"
    takes = "takes the ids from it" if option == "--id-column" else "makes rows of one name one"
    raise InputError(
        "names or ids where numbers of a gene are expected",
        file=path,
        where=", ".join(f"column {name!r}" for name in list(words)[:_SHOWN]),
        found=examples(found),
        expected="columns of numbers beside that of the ids",
        hint=f"{option} {name}{', without --ids,' * mapped} {takes}; or leave it out of the file",
    )


def _first_texts(path: Path) -> Iterable[tuple[str, list[str]]]:
    """The first cells of each column of a table that has any, by name."""
    if suffix(path) == ".parquet":
        table = read_parquet(path).slice(0, _LOOKED_AT)
        for name in table.column_names:
            yield name, [text for cell in table[name].to_pylist() if (text := as_text(cell))]
        return
    rows = read_rows(path)
    _, header = next(rows)
    first = [cells for _, cells in islice(rows, _LOOKED_AT)]
    for place, name in enumerate(header):
        yield name, [cells[place] for cells in first if place < len(cells) and cells[place]]


def _are_words(texts: Sequence[str]) -> bool:
    """Whether all are words, too different to be a mark for what is missing."""
    known = set(texts) - MISSING
    return len(known) > 1 and all(_is_word(text) for text in known)


def _is_word(text: str) -> bool:
    try:
        float(text.replace(",", "."))
    except ValueError:
        return any(letter.isalpha() for letter in text)
    return False


def _texts(path: Path) -> Iterable[tuple[str, set[str]]]:
    """Columns of words of a table, or arrays of text of a `.npz`, by name."""
    if suffix(path) == ".npz":
        from distrib.data.files.matrix_arrays import read_arrays

        for name, array in read_arrays(path).items():
            if array.ndim == 1 and array.dtype.kind in "US":
                yield repr(name), set(map(str, array.tolist()))
    elif suffix(path) in TABLE_SUFFIXES:
        frame = read_table(path)
        for name in frame.columns:
            texts = {as_text(cell) for cell in frame[name].tolist()}
            if not all(text.replace(".", "").replace("-", "").isdigit() for text in texts if text):
                yield name, texts - {""}
