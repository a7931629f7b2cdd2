"""How far a command's work is, in one line."""

from __future__ import annotations

import sys
import time

from distrib.tracking.wording import span

EVERY = 10.0  # seconds between two words where nobody watches


class ProgressLine:
    """One line on standard error that changes while work goes on; a line now and then elsewhere."""

    def __init__(self) -> None:
        self._changes = sys.stderr.isatty()
        self._said = time.monotonic()

    def __enter__(self) -> ProgressLine:
        return self

    def __exit__(self, *error: object) -> None:
        if self._changes:
            print("\r\033[K", end="", file=sys.stderr, flush=True)

    def say(self, text: str, left: float | None) -> None:
        """How far the work is, and the seconds that are left."""
        line = text if left is None else f"{text}, {span(left)} left"
        if self._changes:
            print(f"\r\033[K{line}", end="", file=sys.stderr, flush=True)
        elif time.monotonic() - self._said >= EVERY:
            print(line, file=sys.stderr, flush=True)
            self._said = time.monotonic()

    def keep(self, text: str) -> None:
        """A line that stays."""
        print(f"\r\033[K{text}" if self._changes else text, file=sys.stderr, flush=True)
