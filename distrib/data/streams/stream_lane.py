"""Lanes as they are used up, and the position that says how far."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from distrib.data.streams.stream_batches import Window
from distrib.data.streams.stream_plan import Windows
from distrib.errors import InputError


@dataclass
class Run:
    """What a lane gives to a few steps in a row.

    Attributes:
        pieces: the rows, in order.
        given: (steps,) units of each step: all that it takes until the lane is dry.
        positions: (steps, 2) the window and the units used of it after each.
    """

    pieces: list[pa.Table]
    given: list[int]
    positions: list[tuple[int, int]]


class Lane:
    """One lane of one epoch, as it is used up."""

    def __init__(
        self, make: Callable[[int, int], Window], number: int, position: np.ndarray, end: int
    ) -> None:
        """Args:
        make: makes the window of a lane's number and its own; called for each in turn.
        position: (2,) the window to begin with, and the units used of it.
        end: how many windows the lane has.
        """
        self.number = number
        self._make = make
        self._window, self._offset = position.tolist()
        self._end = end
        self._open: Window | None = None

    def run(self, units: int, steps: int) -> Run:
        """The next units in order, so many for each step, from as many windows as it takes."""
        run = Run([], [], [])
        start = self._offset  # of what is not among the pieces yet
        for _ in range(steps):
            missing = units
            while missing and self._window < self._end:
                if self._open is None:
                    self._open = self._make(self.number, self._window)
                    if self._offset > len(self._open):
                        used = f"{self._offset} units used of a window of {len(self._open)}"
                        raise _foreign(used)
                stop = min(self._offset + missing, len(self._open))
                missing -= stop - self._offset
                self._offset = stop
                if stop == len(self._open):
                    if stop > start:
                        run.pieces.append(self._open.rest(start))
                    self._window, self._offset, self._open, start = self._window + 1, 0, None, 0
            run.given.append(units - missing)
            run.positions.append((self._window, self._offset))
        if self._open is not None and self._offset > start:
            run.pieces.append(self._open.piece(start, self._offset))
        return run


def check_position(position: Any, lanes: Sequence[Windows]) -> np.ndarray:
    """(lanes, 2) int64, a position given from outside; the beginning where it is None.

    Raises:
        InputError: where it cannot be one of these lanes.
    """
    if position is None:
        return np.zeros((len(lanes), 2), dtype=np.int64)
    given = np.asarray(position)
    if given.shape != (len(lanes), 2) or given.dtype.kind not in "iu":
        raise _foreign(f"{given.dtype} of shape {given.shape}", f"int64 of ({len(lanes)}, 2)")
    given = given.astype(np.int64)
    ends = np.array([len(windows) for windows in lanes])
    window, offset = given.T
    bad = (window < 0) | (window > ends) | (offset < 0) | ((window == ends) & (offset > 0))
    if bad.any():
        lane = int(np.flatnonzero(bad)[0])
        raise _foreign(
            f"{offset[lane]} units used of window {window[lane]} in lane {lane}",
            f"one of its {ends[lane]} windows",
        )
    return given


def _foreign(found: str, expected: str | None = None) -> InputError:
    return InputError(
        "the position is not one of this stream",
        found=found,
        expected=expected,
        hint="were the data, the batch size, the seed, lanes or memory other ones?",
    )
