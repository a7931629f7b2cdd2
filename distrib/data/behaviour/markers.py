"""Markers as DeepLabCut writes them: three or four header rows, then a row for every frame.

The rows are called scorer, (individuals,) bodyparts and coords; every body part has x, y and mostly
a likelihood. As in the field's segmentation tools, the likelihood is dropped and the matrix is all
x, then all y.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from distrib.data.behaviour.numbers_csv import read_header, read_numbers
from distrib.data.files.text import check_file
from distrib.errors import InputError, nearest

LEVELS = ("scorer", "individuals", "bodyparts", "coords")
COORDS = ("x", "y")


def read_markers_csv(path: Path, animal: str | None = None) -> tuple[np.ndarray, list[str]]:
    """(frames, 2 * body parts) float64, NaN where missing, and the names of the columns.

    Raises:
        InputError: header rows that are missing, a body part without x or y, several animals
            without `animal`, or a cell that is no number.
    """
    check_file(path)
    top = read_header(path, len(LEVELS))
    names = [row[0].lower() for row in top]
    levels = tuple(names) if names[1] == "individuals" else tuple(names[:3])
    wanted = LEVELS if len(levels) == 4 else (LEVELS[0], *LEVELS[2:])
    for number, (found, expected) in enumerate(zip(levels, wanted), 1):
        if found != expected:
            raise InputError(
                "a header row of DeepLabCut is missing",
                file=path,
                where=f"row {number}",
                found=",".join(top[number - 1][:4]),
                expected=f"a row that begins with {expected!r}, one of {', '.join(wanted)}",
                hint="features with one header row go into another folder than markers/",
            )
    width = len(top[0])
    for number, row in enumerate(top[: len(levels)], 1):
        if len(row) != width:
            raise InputError(
                "header rows of different length",
                file=path,
                where=f"row {number}",
                found=len(row),
                expected=str(width),
            )
    header = list(zip(*(row[1:] for row in top[: len(levels)])))
    values = read_numbers(path, width, len(levels))
    check_frames(values[:, 0], path, len(levels) + 1)
    return pick(header, levels, values[:, 1:], animal, path)


def check_frames(frames: np.ndarray, file: object, first_row: int) -> None:
    """Raise where the first column does not count the frames on by one."""
    step = np.diff(frames)
    if (bad := np.flatnonzero(~(step == 1))).size:
        row = int(bad[0]) + 1
        raise InputError(
            "the frames are not counted on by one",
            file=file,
            where=f"row {first_row + row}, first column",
            found=f"{frames[row]:g} after {frames[row - 1]:g}",
            expected=f"{frames[row - 1] + 1:g}",
        )


def pick(
    header: Sequence[Sequence[str]],
    levels: Sequence[str],
    values: np.ndarray,
    animal: str | None,
    file: object,
) -> tuple[np.ndarray, list[str]]:
    """All x, then all y of one animal.

    Args:
        header: for every column of `values` its word on each of `levels`.
    """
    rows = [dict(zip(levels, words)) for words in header]
    animals = list(dict.fromkeys(row.get("individuals", "") for row in rows))
    if animal is not None and (animal not in animals or "individuals" not in levels):
        raise InputError(
            "no such animal",
            file=file,
            where="animal",
            found=animal,
            expected=", ".join(filter(None, animals)) or "none: the file has one animal, unnamed",
            hint=nearest(animal, animals),
        )
    if animal is None and len(animals) > 1:
        raise InputError(
            "several animals in one file",
            file=file,
            found=", ".join(animals),
            expected="one of them, by name",
            hint=f"animal: {animals[0]} in the data file, or --set data.animal={animals[0]}",
        )
    own = [i for i, row in enumerate(rows) if animal in (None, row.get("individuals"))]
    places: dict[tuple[str, str], int] = {}
    for i in own:
        key = (rows[i]["bodyparts"], rows[i]["coords"].lower())
        if key in places:
            raise InputError(
                "a column stands twice",
                file=file,
                where=f"columns {places[key] + 2} and {i + 2}",
                found=" ".join(key),
            )
        places[key] = i
    parts = list(dict.fromkeys(rows[i]["bodyparts"] for i in own))
    for part in parts:
        for coord in COORDS:
            if (part, coord) not in places:
                raise InputError(
                    f"a body part has no {coord}",
                    file=file,
                    where=f"body part {part!r}",
                    found=", ".join(c for p, c in places if p == part),
                    expected="x and y",
                )
    order = [places[part, coord] for coord in COORDS for part in parts]
    names = [f"{part}_{coord}" for coord in COORDS for part in parts]
    return values[:, order], names
