"""Sessions of behaviour as the models see them, whole or in parts.

Axes in the shapes: S sessions, P parts, N signals, K classes, J task signals.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from typing import Any, Self

import numpy as np

from distrib.data.behaviour.labels import BACKGROUND
from distrib.data.behaviour.tracks import Track

Arrays = tuple[np.ndarray | None, ...]


@dataclass(frozen=True, eq=False)
class Sessions:
    """What is known of every frame, and which parts are meant: a row is a part of a session.

    Attributes:
        ids: (S,) str. tracks: S of them, signals z-scored per session.
        hand: for each session (frames,) int16 classes set by hand, 0 where nobody has; None
            without any.
        weak: the same of heuristics. tasks: for each session (frames, J) float32, z-scored.
        signals, classes, task_names: names along N, K and J.
        parts: (P, 3) int64: session, first frame, the frame after the last.
        test: (S,) bool, sessions that are named as the test.
        ignore_class, weight_classes: what the data file says of them, None where it is silent.
        notes: what the reader of the files had to understand, for the user to see.
    """

    ids: np.ndarray
    tracks: tuple[Track, ...]
    hand: Arrays
    weak: Arrays
    tasks: Arrays
    signals: tuple[str, ...]
    classes: tuple[str, ...]
    task_names: tuple[str, ...]
    parts: np.ndarray
    test: np.ndarray
    ignore_class: int | None = None
    weight_classes: bool | None = None
    notes: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.parts)

    @property
    def groups(self) -> np.ndarray:
        """(P,) the session of each part."""
        return self.parts[:, 0]

    def take(self, rows: np.ndarray) -> Self:
        """The parts at these places, in their order."""
        return replace(self, parts=self.parts[rows])

    def labels(self, kind: Arrays, part: int) -> np.ndarray:
        """(frames,) int16 hand or weak labels of a part, background where there are none."""
        session, start, stop = self.parts[part].tolist()
        found = kind[session]
        return np.full(stop - start, BACKGROUND, np.int16) if found is None else found[start:stop]

    def names(self) -> np.ndarray:
        """(P,) str: ids of whole sessions, ids and frames of parts of some."""
        names = []
        for session, start, stop in self.parts.tolist():
            whole = (start, stop) == (0, self.tracks[session].num_frames)
            names.append(str(self.ids[session]) + ("" if whole else f":{start}-{stop}"))
        return np.array(names)

    def num_frames(self) -> int:
        """Of all parts."""
        return int((self.parts[:, 2] - self.parts[:, 1]).sum())

    def counts(self, kind: Arrays) -> np.ndarray:
        """(K,) frames of each class among hand or weak labels, over all parts."""
        counts = np.zeros(len(self.classes), dtype=np.int64)
        for part in range(len(self)):
            counts += np.bincount(self.labels(kind, part), minlength=len(self.classes))
        return counts

    def describe(self) -> dict[str, Any]:
        """Sizes, names, notes and a fingerprint, as plain values."""
        sessions = np.unique(self.groups)
        return {
            "sessions": [str(self.ids[session]) for session in sessions],
            "frames": self.num_frames(),
            "signals": len(self.signals),
            "classes": list(self.classes),
            "labelled_frames": int(self.counts(self.hand)[1:].sum()),
            "heuristics": any(self.weak[session] is not None for session in sessions),
            "tasks": list(self.task_names),
            "notes": list(self.notes),
            "fingerprint": self.fingerprint(),
        }

    def fingerprint(self) -> str:
        """A hash of the content: ids, names, signals, labels and parts."""
        digest = hashlib.sha256()
        for words in (self.ids.tolist(), self.signals, self.classes, self.task_names):
            digest.update(repr(tuple(words)).encode())
        digest.update(np.ascontiguousarray(self.parts).tobytes())
        for session in np.unique(self.groups).tolist():
            track = self.tracks[session]
            digest.update(track.mean.tobytes() + track.std.tobytes())
            for array in (
                track.values,
                self.hand[session],
                self.weak[session],
                self.tasks[session],
            ):
                digest.update(b"-" if array is None else np.ascontiguousarray(array).tobytes())
        return digest.hexdigest()[:16]
