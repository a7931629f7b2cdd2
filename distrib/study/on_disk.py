"""Waiting for the disk when nobody waits for the study."""

from __future__ import annotations

from distrib.files import sync
from distrib.records import StudyRecord, Tracker, TrialRecord
from distrib.study.folder import RunFolder
from distrib.study.ledger import Ledger


class OnDisk(Tracker):
    """Sees to it that a trial which has ended outlives a loss of power: its files, then its end.

    That takes milliseconds, and what only the system holds outlives the driver all the same. So it
    is done as onlookers are told (`Unhurried`), not while a slot waits for its next trial.
    """

    def __init__(self, folder: RunFolder, ledger: Ledger) -> None:
        self.folder = folder
        self.ledger = ledger
        self._behind = False  # whether the ledger says more than the disk may hold

    def study_started(self, study: StudyRecord) -> None:
        """Nothing has ended."""

    def trial_started(self, trial: TrialRecord) -> None:
        """What is lost now, a resume does again."""

    def trial_progressed(self, trial: TrialRecord, rows: list[dict[str, float]]) -> None:
        """What is lost now, a resume does again."""

    def trial_ended(self, trial: TrialRecord) -> None:
        folder = self.folder.trial(trial.number)
        for path in (folder / "config.yaml", folder / "metrics.csv"):
            if path.exists():
                sync(path)
        sync(folder)  # for their names
        self._behind = True

    def tick(self) -> None:
        if self._behind:
            self.ledger.sync()
            self._behind = False

    def study_ended(self, study: StudyRecord, interrupted: bool) -> None:
        self.tick()
