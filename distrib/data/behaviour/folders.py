"""Which files of a folder belong to a session.

<folder>/markers/<id>_labeled.h5|csv|npy, <id>.h5|csv|npy      (or features/, any name)
<folder>/labels-hand/<id>_labels.csv, <id>.csv
<folder>/labels-heuristic/<id>_labels.csv, <id>.csv, <id>_labels.pkl, <id>.pkl
<folder>/tasks/<id>.csv
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from distrib.data.behaviour.signals import SUFFIXES
from distrib.errors import InputError, nearest

HAND, WEAK, TASKS = "labels-hand", "labels-heuristic", "tasks"
OTHERS = (HAND, WEAK, TASKS, "videos")
MARKERS = "markers"


@dataclass(frozen=True)
class SessionFiles:
    """The files of one session; None for what it has not."""

    id: str
    signals: Path
    hand: Path | None = None
    weak: Path | None = None
    tasks: Path | None = None


def input_type_of(folder: Path, asked: str | None) -> str:
    """The name of the folder with the signals, "" where they lie in `folder` itself.

    Raises:
        InputError: no such folder, or several of which none is called markers.
    """
    if not folder.is_dir():
        raise InputError("no such folder", file=folder, expected="a folder of sessions")
    inside = sorted(p.name for p in folder.iterdir() if p.is_dir() and p.name not in OTHERS)
    if asked is not None:
        if asked not in inside:
            raise InputError(
                "no such folder of signals",
                file=folder,
                where="input_type",
                found=asked,
                expected=f"one of {', '.join(inside) or 'none, as there are no folders'}",
                hint=nearest(asked, inside),
            )
        return asked
    if _ids_in(folder):
        return ""
    holding = [name for name in inside if _ids_in(folder / name)]
    if MARKERS in holding:
        return MARKERS
    if len(holding) != 1:
        raise InputError(
            "several folders of signals" if holding else "no signals in this folder",
            file=folder,
            found=", ".join(holding or inside) or "nothing",
            expected="one folder such as markers/ or features/, or files .h5, .csv or .npy",
            hint="input_type: {0} in the data file, or --set data.input_type={0}".format(holding[0])
            if holding
            else None,
        )
    return holding[0]


def find_sessions(folder: Path, input_type: str, ids: tuple[str, ...] = ()) -> list[SessionFiles]:
    """The files of these sessions, or of all.

    Raises:
        InputError: a session without signals, with the nearest one that has.
    """
    place = folder / input_type
    known = _ids_in(place)
    if not known:
        raise InputError("no signals in this folder", file=place, expected=".h5, .csv or .npy")
    found = []
    for name in ids or known:
        if name not in known:
            raise InputError(
                "no signals of this session",
                file=place,
                where="expt_ids",
                found=name,
                expected=f"{name}_labeled or {name}, with the ending .h5, .csv or .npy",
                hint=nearest(name, known),
            )
        found.append(
            SessionFiles(
                name,
                known[name],
                _first(folder / HAND, name, (".csv",)),
                _first(folder / WEAK, name, (".csv", ".pkl")),
                _first(folder / TASKS, name, (".csv", ".npy")),
            )
        )
    return found


def _ids_in(folder: Path) -> dict[str, Path]:
    """Sessions by id, each with the first of its files."""
    if not folder.is_dir():
        return {}
    names = sorted(p.name for p in folder.iterdir() if p.is_file() and not p.name.startswith("."))
    ids = {name.rpartition(".")[0] for name in names if name.endswith(SUFFIXES)}
    ids = {name.removesuffix("_labeled") for name in ids}
    places: dict[str, Path] = {}
    for name in sorted(ids):
        tries = [f"{name}{ending}{suffix}" for ending in ("_labeled", "") for suffix in SUFFIXES]
        places[name] = folder / next(file for file in tries if file in names)
    return places


def _first(folder: Path, name: str, suffixes: tuple[str, ...]) -> Path | None:
    for ending in ("_labels", ""):
        for suffix in suffixes:
            if (path := folder / f"{name}{ending}{suffix}").is_file():
                return path
    return None
