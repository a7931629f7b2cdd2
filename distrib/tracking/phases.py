"""How far a phase is that follows the search: one line that is rewritten, or plain lines."""

from __future__ import annotations

import sys
import time


class Phases:
    """Call it with a phase's name, how much of it is done, and how much there is."""

    quiet = 2.0  # seconds before a phase is worth a line, and between two plain lines

    def __init__(self) -> None:
        self._name = ""
        self._began = 0.0
        self._first: tuple[float, int] | None = None
        self._spoke = 0.0
        self._open = False

    def __call__(self, name: str, done: int, total: int) -> None:
        now = time.monotonic()
        if name != self._name:
            self._name, self._began, self._spoke, self._first = name, now, now, None
        if self._first is None and done:
            self._first = now, done
        ended = done >= total
        due = now - self._spoke >= (0.2 if sys.stdout.isatty() else self.quiet)
        if not due and not (ended and self._open):
            return
        self._spoke = now
        passed = now - self._began
        left = self._left(now, done, total)
        text = f"{name}: {done}/{total}, {passed:.0f} s" + (f", {left:.0f} s left" if left else "")
        if sys.stdout.isatty():
            print(f"\r\033[K{text}", end="\n" if ended else "", flush=True)
        else:
            print(text, flush=True)
        self._open = not ended

    def _left(self, now: float, done: int, total: int) -> float:
        """Seconds; by the pace since something was first done, since a start may take long."""
        if self._first is None or done == self._first[1]:
            return 0.0
        since, before = self._first
        return (now - since) * (total - done) / (done - before)
