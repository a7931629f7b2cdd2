"""Sessions from a folder: signals, labels and tasks, checked against each other."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from distrib.data.behaviour.folders import MARKERS, SessionFiles, find_sessions, input_type_of
from distrib.data.behaviour.labels import in_order, read_labels
from distrib.data.behaviour.sessions import Sessions
from distrib.data.behaviour.signals import SignalOptions, has_markers, read_signals
from distrib.data.behaviour.tracks import Missing, Track, make_track
from distrib.errors import InputError, nearest


@dataclass(frozen=True)
class ReadOptions:
    """What is read of a folder.

    Attributes:
        input_type: the folder of the signals; None: found.
        ids: sessions; empty: all there are. test_ids: those that are the test, beside them.
        keep_ids: sessions whose hand labels are used; None: all.
        columns, animal, h5_key: see `signals`. missing: what is done about missing values.
    """

    input_type: str | None = None
    ids: tuple[str, ...] = ()
    test_ids: tuple[str, ...] = ()
    keep_ids: tuple[str, ...] | None = None
    columns: tuple[str, ...] = ()
    animal: str | None = None
    h5_key: str | None = None
    missing: Missing = "interpolate"


@dataclass
class _Reading:
    """What has been read so far."""

    options: ReadOptions
    markers: bool
    labels: bool
    signals: tuple[str, ...] = ()
    classes: tuple[str, ...] = ()
    task_names: tuple[str, ...] = ()
    notes: list[str] = field(default_factory=list)


def read_sessions(folder: Path, options: ReadOptions, *, labels: bool = True) -> Sessions:
    """Every session of a folder (see `folders`).

    Args:
        labels: whether hand labels are needed; else they are taken where they are there.

    Raises:
        InputError: naming file, row or key, what was found and what was expected.
    """
    input_type = input_type_of(folder, options.input_type)
    files = find_sessions(folder, input_type, (*options.ids, *_others(options)))
    for name in options.keep_ids or ():
        if name not in {f.id for f in files}:
            raise InputError(
                "no such session",
                file=folder,
                where="expt_ids_to_keep",
                found=name,
                hint=nearest(name, [f.id for f in files]),
            )
    own = input_type == MARKERS or (not input_type and has_markers(files[0].signals))
    reading = _Reading(options, own, labels)
    tracks, hand, weak, tasks = zip(*(_read(reading, session) for session in files))
    if labels and all(found is None for found in hand):
        raise InputError(
            "no session has hand labels",
            file=folder,
            found=f"{len(files)} sessions, no file of theirs in labels-hand/",
            expected=f"labels-hand/{files[0].id}.csv, or {files[0].id}_labels.csv",
        )
    frames = np.array([track.num_frames for track in tracks])
    numbers = np.arange(len(files))
    return Sessions(
        ids=np.array([f.id for f in files]),
        tracks=tracks,
        hand=hand,
        weak=weak,
        tasks=tasks,
        signals=reading.signals,
        classes=reading.classes,
        task_names=reading.task_names,
        parts=np.stack([numbers, 0 * frames, frames], axis=1),
        test=np.array([f.id in options.test_ids for f in files]),
        notes=tuple(reading.notes),
    )


def _others(options: ReadOptions) -> list[str]:
    """Test sessions that are not named among the others."""
    return [name for name in options.test_ids if options.ids and name not in options.ids]


def _read(
    reading: _Reading, session: SessionFiles
) -> tuple[Track, np.ndarray | None, np.ndarray | None, np.ndarray | None]:
    options = reading.options
    wanted = SignalOptions(reading.markers, options.columns, options.animal, options.h5_key)
    values, names = read_signals(session.signals, wanted)
    reading.signals = _same("signals", reading.signals, names, session.signals)
    track, note = make_track(values, options.missing, session.signals, names)
    reading.notes += [note] if note else []
    hand = _labels(reading, session.hand, track.num_frames)
    if session.hand is None and reading.labels:
        reading.notes.append(f"{session.id} has no hand labels: all background")
    elif options.keep_ids is not None and session.id not in options.keep_ids:
        reading.notes.append(f"the hand labels of {session.id} are left out (expt_ids_to_keep)")
        hand = None
    weak = _labels(reading, session.weak, track.num_frames)
    return track, hand, weak, _tasks(reading, session.tasks, track.num_frames)


def _labels(reading: _Reading, path: Path | None, num_frames: int) -> np.ndarray | None:
    if path is None:
        return None
    states, names = read_labels(path, num_frames)
    if not reading.classes:
        reading.classes = tuple(names)
    return in_order(states, names, reading.classes, path)


def _tasks(reading: _Reading, path: Path | None, num_frames: int) -> np.ndarray | None:
    if path is None:
        return None
    values, names = read_signals(path, SignalOptions(markers=False))
    reading.task_names = _same("tasks", reading.task_names, names, path)
    if len(values) != num_frames:
        raise InputError(
            "tasks and signals are of different length",
            file=path,
            found=f"{len(values)} frames",
            expected=f"{num_frames}, as many as the signals have",
        )
    track, note = make_track(np.asarray(values), reading.options.missing, path, names)
    reading.notes += [note] if note else []
    return track.rows(0, num_frames)


def _same(what: str, known: tuple[str, ...], names: Sequence[str], path: Path) -> tuple[str, ...]:
    if known and tuple(names) != known:
        raise InputError(
            f"the {what} differ between sessions",
            file=path,
            found=", ".join(names),
            expected=", ".join(known),
        )
    return tuple(names)
