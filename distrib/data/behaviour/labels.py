"""Labels of frames: one-hot rows in a CSV, or states in a pickle that is read as arrays only."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from distrib.data.behaviour.numbers_csv import read_header, read_parts
from distrib.data.files.numpy_pickle import read_pickle
from distrib.data.files.text import check_file
from distrib.errors import InputError

BACKGROUND = 0
"""The class of frames that nobody has labelled."""


def read_labels(path: Path, num_frames: int) -> tuple[np.ndarray, list[str]]:
    """(frames,) int16 classes, and their names, of a CSV or a pickle.

    - CSV: a header with an empty cell and the names of the classes, the first of them background;
      then for every frame its number and a 1 in the column of its class, 0 in the others.
    - pickle: a dict of `states`, (frames,) integers, and of `state_labels` or `state_mapping`, a
      dict from number to name.

    Args:
        num_frames: of the session's signals.

    Raises:
        InputError: naming the row at fault, or what is amiss with the whole.
    """
    check_file(path)
    if path.suffix == ".pkl":
        states, names = _read_pickle(path)
    else:
        states, names = _read_csv(path, num_frames)
    if len(states) != num_frames:
        raise InputError(
            "labels and signals are of different length",
            file=path,
            found=f"{len(states)} frames",
            expected=f"{num_frames}, as many as the signals have",
        )
    return states, names


def _read_csv(path: Path, num_frames: int) -> tuple[np.ndarray, list[str]]:
    (header,) = read_header(path, 1)
    names = header[1:]
    if header[0] not in ("", "Unnamed: 0") or len(names) < 2 or len(set(names)) != len(names):
        raise InputError(
            "not the header of labels",
            file=path,
            where="row 1",
            found=",".join(header[:6]),
            expected="an empty cell, then the names of two or more classes, background first",
        )
    numbers, classes = [], []
    for start, values in read_parts(path, len(header), 1):
        one_hot = values[:, 1:]
        wrong = ~np.isin(one_hot, (0, 1)).all(axis=1) | (one_hot.sum(axis=1) != 1)
        if (rows := np.flatnonzero(wrong)).size:
            row = one_hot[rows[0]]
            raise InputError(
                "a frame has not exactly one class",
                file=path,
                where=f"row {start + rows[0] + 2} (frame {values[rows[0], 0]:g})",
                found=",".join(f"{value:g}" for value in row),
                expected="one 1, the others 0",
            )
        numbers.append(values[:, 0].copy())
        classes.append(one_hot.argmax(axis=1).astype(np.int16))
    frames, found = np.concatenate(numbers), np.concatenate(classes)
    unknown = ~np.isin(frames, np.arange(max(num_frames, len(frames))))
    unknown |= frames >= num_frames if len(frames) <= num_frames else np.zeros(len(frames), bool)
    if (rows := np.flatnonzero(unknown)).size:
        raise InputError(
            "a label for a frame that the session has not",
            file=path,
            where=f"row {rows[0] + 2}",
            found=f"frame {frames[rows[0]]:g}",
            expected=f"frames 0 to {num_frames - 1}",
        )
    if len(np.unique(frames)) != len(frames):
        values_, counts = np.unique(frames, return_counts=True)
        raise InputError(
            "a frame is labelled twice",
            file=path,
            where=f"frame {values_[counts > 1][0]:g}",
        )
    states = np.empty(len(frames), dtype=np.int16)
    states[np.argsort(np.argsort(frames))] = found
    return states, names


def _read_pickle(path: Path) -> tuple[np.ndarray, list[str]]:
    content = read_pickle(path)
    expected = "a dict of `states` and of `state_labels` or `state_mapping`"
    if not isinstance(content, dict) or "states" not in content:
        found = (
            ", ".join(map(str, content)) if isinstance(content, dict) else type(content).__name__
        )
        raise InputError("not states of frames", file=path, found=found, expected=expected)
    naming = content.get("state_labels", content.get("state_mapping"))
    states = np.asarray(content["states"])
    if not isinstance(naming, dict) or states.ndim != 1 or states.dtype.kind not in "iu":
        raise InputError(
            "not states of frames",
            file=path,
            found=f"states {states.dtype} of shape {states.shape}, names {type(naming).__name__}",
            expected=f"{expected}, with (frames,) integers and a dict from number to name",
        )
    numbers = sorted(int(number) for number in naming)
    names = {int(number): str(name) for number, name in naming.items()}
    if numbers != list(range(len(numbers))):
        raise InputError(
            "the classes are not numbered from 0",
            file=path,
            found=", ".join(map(str, numbers)),
        )
    if (unknown := np.setdiff1d(states, numbers)).size:
        frame = int(np.flatnonzero(states == unknown[0])[0])
        raise InputError(
            "a state without a name",
            file=path,
            where=f"frame {frame}",
            found=int(unknown[0]),
            expected=f"0 to {len(numbers) - 1}",
        )
    return states.astype(np.int16), [names[number] for number in numbers]


def in_order(
    states: np.ndarray, names: list[str], classes: tuple[str, ...], path: Path
) -> np.ndarray:
    """States numbered as `classes`, whose names they have in whatever order.

    Raises:
        InputError: where the names are others.
    """
    if set(names) != set(classes):
        raise InputError(
            "class names differ between files",
            file=path,
            found=", ".join(names),
            expected=", ".join(classes),
        )
    numbers = np.array([classes.index(name) for name in names], dtype=np.int16)
    return numbers[states]
