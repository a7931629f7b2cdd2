"""Trials of which nothing is heard any more: a process that was stopped, a file system that hangs.

A family gives its trial a chance to speak at least every 30 s of work (see the contract), so
silence beyond that is none of the training's. Whoever is slower has shown it by a silence of its
own that ended well.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field

TELL = 60.0  # seconds of silence after which the reader is told
PACE = 3.0  # or so many times the longest silence of this study that came to a good end
AWAY = 5.0  # seconds between two looks after which nobody can say who was silent: we were


@dataclass
class Stalls:
    """The silence of trials that run.

    Attributes:
        timeout: seconds of silence after which a trial is to be ended; None: never.
        clock: seconds, from any moment.
        longest: the longest silence that ended by itself.
    """

    timeout: float | None = None
    clock: Callable[[], float] = time.monotonic
    longest: float = 0.0
    _heard: dict[int, float] = field(default_factory=dict)
    _waits: set[int] = field(default_factory=set)
    _told: set[int] = field(default_factory=set)
    _looked: float | None = None

    def waits(self, number: int) -> None:
        """The trial is to have a process, for the first time or again.

        A long wait is told, too, but nothing is ended for it: there may be no room yet.
        """
        self._heard[number] = self.clock()
        self._waits.add(number)
        self._told.discard(number)

    def began(self, number: int) -> None:
        """A process has taken the trial."""
        self._heard[number] = self.clock()
        self._waits.discard(number)

    def waiting(self, number: int) -> bool:
        """Whether the trial has no process yet."""
        return number in self._waits

    def heard(self, number: int) -> float | None:
        """The trial has spoken: how long it had been silent, if the reader was told of that."""
        if number not in self._heard:
            return None
        now = self.clock()
        silence = now - self._heard[number]
        self.longest = max(self.longest, silence)
        self._waits.discard(number)
        self._heard[number] = now
        if number not in self._told:
            return None
        self._told.discard(number)
        return silence

    def forget(self, number: int) -> None:
        """The trial has ended."""
        self._heard.pop(number, None)
        self._waits.discard(number)
        self._told.discard(number)

    def look(self) -> tuple[dict[int, float], dict[int, float]]:
        """Trials that are silent for long, and those for so long that they are to be ended.

        Returns:
            number -> seconds of silence, each trial once; the second to be asked for again.
        """
        now = self.clock()
        if self._looked is not None and (away := now - self._looked) > AWAY:
            self._heard = {number: heard + away for number, heard in self._heard.items()}
        self._looked = now
        silent = {number: now - heard for number, heard in self._heard.items()}
        over = {
            n: s
            for n, s in silent.items()
            if self.timeout is not None and s >= self.timeout and n not in self._waits
        }
        limit = max(TELL, PACE * self.longest)
        told = {n: s for n, s in silent.items() if s >= limit and n not in {*self._told, *over}}
        self._told |= told.keys()
        return told, over
