"""Drawing trials that ran to their end while others still run."""

from __future__ import annotations

import threading
import time
from collections import deque
from contextlib import suppress
from pathlib import Path

from distrib.records import StudyRecord, Tracker, TrialRecord
from distrib.trial_files import trial_folder

SHARE = 0.1  # of the driver's time at most


class Pictures(Tracker):
    """Draws one trial's curves at a tick, and none where that would hold up the others.

    What is left when the search is over is drawn then (`curves.write_all_curves`), and everything
    if it cannot be drawn now: no search ends for a picture.

    Args:
        folder: the run folder.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._study: StudyRecord | None = None
        self._due: deque[TrialRecord] = deque()
        self._getting_ready: threading.Thread | None = None
        self._next = 0.0

    def study_started(self, study: StudyRecord) -> None:
        self._study = study

    def trial_started(self, trial: TrialRecord) -> None:
        """Nothing is drawn yet."""

    def trial_progressed(self, trial: TrialRecord, rows: list[dict[str, float]]) -> None:
        """Nothing is drawn yet."""

    def trial_paused(self, trial: TrialRecord) -> None:
        """Nothing is drawn yet."""

    def trial_ended(self, trial: TrialRecord) -> None:
        if trial.state != "COMPLETE":
            return
        self._due.append(trial)
        if self._getting_ready is None:
            self._getting_ready = threading.Thread(target=_get_ready, daemon=True)
            self._getting_ready.start()

    def tick(self) -> None:
        began = time.monotonic()
        if self._study is None or not self._due or began < self._next or not self._ready():
            return
        trial = self._due.popleft()
        try:
            from distrib.tracking.curves import write_curves

            write_curves(trial_folder(self.folder, trial.number), self._study, trial)
        except Exception:
            self._study = None
        now = time.monotonic()
        self._next = now + (now - began) * (1 / SHARE - 1)

    def study_ended(self, study: StudyRecord, interrupted: bool) -> None:
        """The rest is not this one's."""

    def _ready(self) -> bool:
        return self._getting_ready is not None and not self._getting_ready.is_alive()


def _get_ready() -> None:
    """Import what takes a second; what stands against it is told at the end of the study."""
    with suppress(Exception):
        import distrib.tracking.curves_sheet  # noqa: F401
