"""Waiting for the disk, when nobody waits for the study."""

from __future__ import annotations

from collections.abc import Sequence

from distrib.files import sync
from distrib.records import TrialRecord
from distrib.study.record.ledger import Ledger
from distrib.study.record.run_folder import RunFolder
from distrib.trial_files import CONFIG, METRICS


def wait_for_disk(folder: RunFolder, ledger: Ledger, ended: Sequence[TrialRecord]) -> None:
    """See to it that trials which have ended outlive a loss of power: their files, then their end.

    That takes milliseconds, and what only the system holds outlives the driver all the same. So it
    is done before trackers are called (`DeferredTracker`), not while an actor waits for a trial.

    Raises:
        OSError: the disk takes no more.
    """
    for trial in ended:
        path = folder.trial(trial.number)
        for file in (path / CONFIG, path / METRICS):
            if file.exists():
                sync(file)
        sync(path)  # for their names
    ledger.sync()
