"""Calls the trackers when no trial waits for the study."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from distrib.records import StudyRecord, Tracker, TrialRecord


class DeferredTracker(Tracker):
    """Passes everything on to other trackers, in its order, but not between two trials of an actor.

    While one trial has ended and the next has not begun, a processor has nothing to do. What is
    told in that time is kept until the next has begun, or for one tick if none does.

    Args:
        first: done with the trials that have ended, before anybody is told of them.
    """

    def __init__(
        self,
        others: Sequence[Tracker],
        first: Callable[[Sequence[TrialRecord]], None] = lambda ended: None,
    ) -> None:
        self.others = others
        self.first = first
        self._ended: list[TrialRecord] = []
        self._news: list[Callable[[], Any]] = []
        self._between = False  # an end is the last that was told, and no tick has come since

    def study_started(self, study: StudyRecord) -> None:
        self._tell("study_started", study)

    def trial_started(self, trial: TrialRecord) -> None:
        self._tell("trial_started", trial)

    def trial_progressed(self, trial: TrialRecord, rows: list[dict[str, float]]) -> None:
        self._tell("trial_progressed", trial, rows)

    def trial_paused(self, trial: TrialRecord) -> None:
        self._tell("trial_paused", trial)
        self._between = True

    def trial_ended(self, trial: TrialRecord) -> None:
        self._tell("trial_ended", trial)
        self._ended.append(trial)
        self._between = True

    def tick(self) -> None:
        if self._between:
            self._between = False
            return
        self._pass_on()
        for tracker in self.others:
            tracker.tick()

    def study_ended(self, study: StudyRecord, interrupted: bool) -> None:
        self._tell("study_ended", study, interrupted)
        self._pass_on()

    def _tell(self, what: str, *about: Any) -> None:
        self._between = False
        self._news += [partial(getattr(tracker, what), *about) for tracker in self.others]

    def _pass_on(self) -> None:
        ended, self._ended = self._ended, []
        if ended:
            self.first(ended)
        news, self._news = self._news, []
        for tell in news:
            tell()
