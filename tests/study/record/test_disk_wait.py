"""A trial's files are on the disk before the ledger's word that it has ended."""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from distrib.records import StudyRecord, Tracker, TrialRecord
from distrib.study.driver.deferred_tracker import DeferredTracker
from distrib.study.record.disk_wait import wait_for_disk
from tests.support.simulate import Simulation, toy_plan


@pytest.fixture
def synced(monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, int]]:
    """The files, by device and inode, that the disk was waited for, in their order."""
    files: list[tuple[int, int]] = []
    real = os.fsync

    def fsync(descriptor: int) -> None:
        stat = os.fstat(descriptor)
        files.append((stat.st_dev, stat.st_ino))
        real(descriptor)

    monkeypatch.setattr(os, "fsync", fsync)
    return files


def inode(path: Path) -> tuple[int, int]:
    stat = path.stat()
    return stat.st_dev, stat.st_ino


class Listener(Tracker):
    """Looks at what is on the disk whenever it is told of an end."""

    def __init__(self, look: Callable[[TrialRecord], None]) -> None:
        self.trial_ended = look  # type: ignore[method-assign]

    def study_started(self, study: StudyRecord) -> None: ...
    def trial_started(self, trial: TrialRecord) -> None: ...
    def trial_progressed(self, trial: TrialRecord, rows: list[dict[str, float]]) -> None: ...
    def tick(self) -> None: ...
    def study_ended(self, study: StudyRecord, interrupted: bool) -> None: ...


def test_the_disk_holds_every_end_that_anybody_is_told_of(
    tmp_path: Path, synced: list[tuple[int, int]]
) -> None:
    plan = toy_plan({"kind": {"choice": ["curve", "nan", "bug"]}}, trials=8, seed=2)
    study = Simulation(plan, tmp_path, actors=2)
    search = study.open()
    told = []

    def look(trial: TrialRecord) -> None:
        folder = search.folder.trial(trial.number)
        ledger = len(synced) - 1 - synced[::-1].index(inode(search.folder.ledger))
        for path in (folder / "config.yaml", folder / "metrics.csv", folder):
            assert inode(path) in synced[:ledger], path
        told.append(trial.number)

    tracker = DeferredTracker(
        [Listener(look)], partial(wait_for_disk, search.folder, search.ledger)
    )
    search.trackers = [tracker]
    study.drive(until=lambda search: search.tick() or False)
    tracker.study_ended(search.study, False)
    assert sorted(told) == list(range(8))
    study.close()


def test_no_slot_waits_for_the_disk(tmp_path: Path, synced: list[tuple[int, int]]) -> None:
    study = Simulation(toy_plan(trials=3), tmp_path)
    search = study.open()
    tracker = DeferredTracker([], partial(wait_for_disk, search.folder, search.ledger))
    search.trackers = [tracker]
    synced.clear()
    study.drive()
    assert {trial.state for trial in search.study.trials.values()} <= {"COMPLETE", "PRUNED"}
    assert not synced
    tracker.study_ended(search.study, False)
    assert synced.count(inode(search.folder.ledger)) == 1  # once for all three
    study.close()
