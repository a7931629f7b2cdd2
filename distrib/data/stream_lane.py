"""Lanes as they are used up, and the position that says how far."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from distrib.data.stream_batches import Window
from distrib.data.stream_plan import Windows
from distrib.data.stream_prefetch import Prefetch
from distrib.errors import InputError


class Lane:
    """One lane of one epoch.

    Attributes:
        number: which of the stream's lanes.
        window: the window in use, or its last one's number plus 1 when the lane is dry.
        offset: units used of that window.
    """

    def __init__(self, ahead: Prefetch, number: int, window: int, offset: int, end: int) -> None:
        self.number = number
        self.window = window
        self.offset = offset
        self._ahead = ahead
        self._end = end
        self._open: Window | None = None

    def take(self, units: int) -> list[pa.Table]:
        """The next units in order, from as many windows as it takes; fewer where it runs dry."""
        pieces = []
        while units and self.window < self._end:
            if self._open is None:
                self._open = self._ahead.next(self.number)
                if self.offset > len(self._open):
                    raise _foreign(f"{self.offset} units used of a window of {len(self._open)}")
            stop = min(self.offset + units, len(self._open))
            if stop > self.offset:
                pieces.append(self._open.piece(self.offset, stop))
            units -= stop - self.offset
            self.offset = stop
            if stop == len(self._open):
                self.window, self.offset, self._open = self.window + 1, 0, None
        return pieces


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
