"""The signals of one session, z-scored by its own figures; in memory, or on disk if they are long.

What is missing is filled before the figures are taken (`interpolate`), or stays NaN and is left out
of them (`mask`).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np

from distrib.errors import InputError

Missing = Literal["interpolate", "mask", "refuse"]

AT_ONCE = 2**16
"""Frames of a mapped file that are read in one go."""


@dataclass(frozen=True, eq=False)
class Track:
    """(frames, N) signals.

    Attributes:
        mean, std: (N,) float64 of the raw signals; the deviation of a constant one counts as 1.
        values: (frames, N) float32, z-scored; None where they stay in `file`.
        file: an .npy of raw signals, read piece by piece. columns: of the file, those taken.
    """

    num_frames: int
    mean: np.ndarray
    std: np.ndarray
    values: np.ndarray | None = None
    file: str | None = None

    def rows(self, start: int, stop: int, velocity: bool = False) -> np.ndarray:
        """(stop - start, N) float32, z-scored; 0 for frames before the first and after the last.

        Args:
            velocity: (stop - start, 2N), each signal's difference to the frame before beside them;
                0 at the first frame.
        """
        first, last = max(start, 0), min(stop, self.num_frames)
        inside = self._read(first, last)
        if velocity:
            before = self._read(max(first - 1, 0), last)
            change = np.diff(before, axis=0, prepend=before[:1] if first == 0 else before[:0])
            inside = np.concatenate([inside, change], axis=1)
        if (first, last) == (start, stop):
            return inside
        return np.pad(inside, ((first - start, stop - last), (0, 0)))

    def _read(self, start: int, stop: int) -> np.ndarray:
        if self.values is not None:
            return self.values[start:stop]
        assert self.file is not None
        raw = np.load(self.file, mmap_mode="r", allow_pickle=False)[start:stop]
        return ((raw - self.mean) / self.std).astype(np.float32)


def make_track(
    values: np.ndarray, missing: Missing, file: Path, names: Sequence[str] = ()
) -> tuple[Track, str | None]:
    """A session's signals ready for use, and a note on what was missing.

    Args:
        values: (frames, N) numbers, NaN where missing; a mapped array stays on disk.
        names: of the N signals, for the errors.

    Raises:
        InputError: missing values under `refuse`, a signal without any value, infinite values.
    """
    mapped = isinstance(values, np.memmap)
    count, total, square = np.zeros(values.shape[1]), 0.0, 0.0
    lacking, first = 0, None
    for start, part in _parts(values):
        known = np.isfinite(part)
        bad = np.argwhere(np.isinf(part))
        if len(bad):
            raise InputError(
                "a number is not finite",
                file=file,
                where=f"frame {start + bad[0, 0]}, signal {_name(names, bad[0, 1])}",
            )
        if not known.all():
            lacking += int((~known).sum())
            first = start + int(np.flatnonzero(~known.all(axis=1))[0]) if first is None else first
        count += known.sum(axis=0)
        total = total + np.where(known, part, 0).sum(axis=0)
    if (empty := np.flatnonzero(count == 0)).size:
        raise InputError(
            "a signal without any value",
            file=file,
            where=f"signal {_name(names, empty[0])}",
        )
    note = None
    if lacking:
        note = _on_missing(missing, lacking, values.size, first, mapped, file)
        if missing == "interpolate":
            values = interpolated(values)
            total, count = values.sum(axis=0), np.full(values.shape[1], len(values))
    mean = total / count
    for _, part in _parts(values):
        square = square + np.nansum((part - mean) ** 2, axis=0)
    std = np.sqrt(square / count)
    std = np.where(std > 1e-12 * np.maximum(np.abs(mean), 1e-300), std, 1.0)
    if mapped:
        return Track(len(values), mean, std, file=str(file.resolve())), note
    return Track(len(values), mean, std, ((values - mean) / std).astype(np.float32)), note


def _name(names: Sequence[str], number: int) -> str:
    return names[number] if names else str(number)


def _on_missing(
    missing: Missing, lacking: int, size: int, first: int | None, mapped: bool, file: Path
) -> str:
    share = f"{lacking} of {size} values are missing"
    if missing == "refuse" or (missing == "interpolate" and mapped):
        raise InputError(
            "values are missing",
            file=file,
            where=f"frame {first}",
            found=share,
            hint="data option missing: mask" + ("" if mapped else ", or interpolate"),
        )
    done = "interpolated" if missing == "interpolate" else "masked"
    return f"{file.name}: {share}: {done}"


def interpolated(values: np.ndarray) -> np.ndarray:
    """NaN replaced along each column by linear interpolation, at the ends by the nearest value."""
    filled = np.array(values, dtype=np.float64)
    frames = np.arange(len(filled))
    for column in filled.T:
        lacking = np.isnan(column)
        if lacking.any():
            column[lacking] = np.interp(frames[lacking], frames[~lacking], column[~lacking])
    return filled


def _parts(values: np.ndarray) -> Iterator[tuple[int, np.ndarray]]:
    for start in range(0, len(values), AT_ONCE):
        yield start, np.asarray(values[start : start + AT_ONCE], dtype=np.float64)
