"""Markers from the HDF5 files of DeepLabCut: data frames as pandas keeps them, in either format.

Read with h5py and not with PyTables, which unpickles what it finds in a file's attributes: a pickle
is a program. The names of the columns, which pandas pickles in its format "table", go through the
house's own reader of pickles, which knows arrays, texts and plain containers and nothing else.
"""

from __future__ import annotations

import io
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np

from distrib.data.behaviour.markers import COORDS, LEVELS, pick
from distrib.data.files.numpy_pickle import read_pickled
from distrib.data.files.text import check_file
from distrib.errors import InputError, nearest

Header = list[tuple[str, ...]]


def read_markers_h5(
    path: Path, animal: str | None = None, key: str | None = None
) -> tuple[np.ndarray, list[str]]:
    """(frames, 2 * body parts) float64 and the names of the columns, as of a CSV.

    Args:
        key: the table's; without it, the one table whose header is that of markers.

    Raises:
        InputError: no such key, no or several tables of markers, or a table that cannot be read.
    """
    check_file(path)
    try:
        h5py: Any = import_module("h5py")
    except ModuleNotFoundError:
        raise InputError(
            "HDF5 files need a package that is not installed",
            file=path,
            hint="pip install -c constraints.txt -e '.[behaviour]', or save the markers as CSV",
        ) from None
    try:
        with h5py.File(path, "r") as file:
            header, values = _read(file, path, key)
    except OSError as error:
        raise InputError("not a readable HDF5 file", file=path, found=error) from None
    levels = LEVELS if len(header[0]) == 4 else (LEVELS[0], *LEVELS[2:])
    return pick(header, levels, values, animal, path)


def _read(file: Any, path: Path, key: str | None) -> tuple[Header, np.ndarray]:
    tables = _tables(file)
    if key is not None:
        if key.strip("/") not in tables:
            raise InputError(
                "no table under this key",
                file=path,
                where="h5_key",
                found=key,
                expected=", ".join(tables) or "a data frame of pandas, of which the file has none",
                hint=nearest(key.strip("/"), tables),
            )
        tables = [key.strip("/")]
    headers = {name: _header(file[name], path) for name in tables}
    markers = {name: header for name, header in headers.items() if _is_markers(header)}
    if len(markers) != 1:
        raise InputError(
            "several tables of markers" if markers else "no table of markers",
            file=path,
            found=", ".join(markers or tables or list(file)) or "nothing",
            expected="one data frame of pandas with the levels scorer, bodyparts and coords",
            hint="h5_key: {0} in the data file, or --set data.h5_key={0}".format(
                next(iter(markers))
            )
            if markers
            else None,
        )
    name, header = next(iter(markers.items()))
    return header, _values(file[name], header, path)


def _tables(file: Any) -> list[str]:
    """The groups in which pandas keeps a data frame."""
    found: list[str] = []

    def look(name: str, node: Any) -> None:
        if _text(node.attrs.get("pandas_type", b"")).startswith("frame"):
            found.append(name)

    file.visititems(look)
    return found


def _is_markers(header: Header) -> bool:
    return (
        bool(header)
        and all(len(words) in (3, 4) for words in header)
        and all(coord in {words[-1].lower() for words in header} for coord in COORDS)
    )


def _header(group: Any, path: Path) -> Header:
    if "table" in group:
        return [words for block in _blocks(group) for words in _kind(group, block, path)]
    return _index(group, "axis0")


def _blocks(group: Any) -> list[str]:
    names = group["table"].dtype.names or ()
    return [name for name in names if f"{name}_kind" in group["table"].attrs and name != "index"]


def _kind(group: Any, block: str, path: Path) -> Header:
    """The names of a block's columns, of format "table"."""
    raw = group["table"].attrs[f"{block}_kind"]
    words = read_pickled(io.BytesIO(bytes(raw)), path)
    return [tuple(map(str, w)) if isinstance(w, tuple) else (str(w),) for w in words]


def _index(group: Any, axis: str) -> Header:
    """An index of columns, of format "fixed"."""
    if axis in group:
        return [(_text(name),) for name in group[axis][()]]
    levels = int(group.attrs[f"{axis}_nlevels"])
    columns = []
    for level in range(levels):
        words = [_text(word) for word in group[f"{axis}_level{level}"][()]]
        columns.append([words[place] for place in group[f"{axis}_label{level}"][()]])
    return list(zip(*columns))


def _values(group: Any, header: Header, path: Path) -> np.ndarray:
    """(frames, columns) float64 in the header's order."""
    if "table" in group:
        rows = group["table"][()]
        parts = [np.asarray(rows[name], dtype=np.float64) for name in _blocks(group)]
        return np.concatenate([part.reshape(len(rows), -1) for part in parts], axis=1)
    place = {words: i for i, words in enumerate(header)}
    values = np.full((len(group["axis1"]), len(header)), np.nan)
    for block in range(int(group.attrs["nblocks"])):
        found = np.asarray(group[f"block{block}_values"][()], dtype=np.float64)
        for i, words in enumerate(_index(group, f"block{block}_items")):
            values[:, place[words]] = found[:, i]
    return values


def _text(word: Any) -> str:
    return word.decode() if isinstance(word, bytes) else str(word)
