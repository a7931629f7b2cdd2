"""The signals of a session, (frames, signals): markers, features, or an array of NumPy's."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from distrib.data.behaviour.markers import LEVELS, check_frames, read_markers_csv
from distrib.data.behaviour.markers_h5 import read_markers_h5
from distrib.data.behaviour.numbers_csv import read_header, read_numbers
from distrib.data.files.text import check_file
from distrib.errors import InputError, nearest

SUFFIXES = (".h5", ".csv", ".npy")
"""In the order in which files of a session are looked for."""

MAPPED_FROM = 2**26
"""Bytes from which an .npy stays on disk and is read piece by piece."""


@dataclass(frozen=True)
class SignalOptions:
    """What of a file is taken.

    Attributes:
        markers: whether a CSV has the header rows of DeepLabCut, or one header row.
        columns: of the signals, by name; empty: all. animal, h5_key: see `markers`.
    """

    markers: bool = True
    columns: tuple[str, ...] = ()
    animal: str | None = None
    h5_key: str | None = None


def read_signals(path: Path, options: SignalOptions) -> tuple[np.ndarray, list[str]]:
    """(frames, signals) numbers, NaN where missing (an .npy may be mapped), and their names.

    Raises:
        InputError: naming the file, and the row, key or column at fault.
    """
    check_file(path)
    if path.suffix == ".npy":
        values, names = _read_npy(path)
    elif path.suffix == ".h5":
        values, names = read_markers_h5(path, options.animal, options.h5_key)
    elif options.markers:
        values, names = read_markers_csv(path, options.animal)
    else:
        values, names = read_features_csv(path)
    if np.isinf(values[:1]).any():
        raise InputError("a number is not finite", file=path, where="frame 0")
    if not options.columns:
        return values, names
    for column in options.columns:
        if column not in names:
            raise InputError(
                "no such signal",
                file=path,
                where="columns",
                found=column,
                expected=f"some of {', '.join(names)}",
                hint=nearest(column, names),
            )
    return values[:, [names.index(c) for c in options.columns]], list(options.columns)


def has_markers(path: Path) -> bool:
    """Whether a file holds markers, where no folder says it: any that is no CSV of features."""
    return path.suffix != ".csv" or _is_top(read_header(path, 1)[0])


def _is_top(header: Sequence[str]) -> bool:
    """Whether it is the first header row of DeepLabCut."""
    return header[0].lower() == LEVELS[0]


def read_features_csv(path: Path) -> tuple[np.ndarray, list[str]]:
    """(frames, features) and their names from a CSV with one header row.

    A first column without a name (or called `Unnamed: 0`) counts the frames and is dropped.
    """
    check_file(path)
    (header,) = read_header(path, 1)
    if _is_top(header):
        raise InputError(
            "these are markers of DeepLabCut, where features with one header row are due",
            file=path,
            where="row 1",
            found=",".join(header[:3]),
            hint="input_type: markers",
        )
    _check_names(header, path)
    values = read_numbers(path, len(header), 1)
    if header[0] in ("", "Unnamed: 0"):
        check_frames(values[:, 0], path, 2)
        values, header = values[:, 1:], header[1:]
    return values, header


def _check_names(header: Sequence[str], path: Path) -> None:
    """Raise where features have no name or the same one, or numbers stand where names are due."""
    for number, name in enumerate(header, 1):
        if not name and number > 1:
            raise InputError("a column without a name", file=path, where=f"column {number}")
        if header.index(name) != number - 1:
            raise InputError("a column stands twice", file=path, where="row 1", found=name)
    try:
        [float(name) for name in header if name]
    except ValueError:
        return
    raise InputError(
        "the header row is missing",
        file=path,
        where="row 1",
        found=",".join(header[:4]),
        expected="names of the columns",
    )


def _read_npy(path: Path) -> tuple[np.ndarray, list[str]]:
    mapped = path.stat().st_size >= MAPPED_FROM
    try:
        values = np.load(path, mmap_mode="r" if mapped else None, allow_pickle=False)
    except (ValueError, OSError, EOFError) as error:
        raise InputError("not a readable array file", file=path, found=error) from None
    if values.ndim != 2 or values.dtype.kind not in "fiub" or not values.size:
        raise InputError(
            "a matrix of numbers is due",
            file=path,
            found=f"{values.dtype} of shape {values.shape}",
            expected="(frames, signals)",
        )
    return values, [f"signal_{i}" for i in range(values.shape[1])]
