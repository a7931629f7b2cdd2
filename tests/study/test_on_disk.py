"""A trial's files are on the disk before the ledger's word that it has ended."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from distrib.study.on_disk import OnDisk
from distrib.study.telling import Unhurried
from tests.simulate import Simulation, toy_plan


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


def test_every_trial_that_ended_is_on_the_disk(
    tmp_path: Path, synced: list[tuple[int, int]]
) -> None:
    plan = toy_plan({"kind": {"choice": ["curve", "nan", "bug"]}}, trials=8, seed=2)
    study = Simulation(plan, tmp_path, slots=2)
    search = study.open()
    disk = OnDisk(search.folder, search.ledger)
    search.trackers = [disk]
    study.drive()
    disk.study_ended(search.study, False)
    ledger = synced.index(inode(search.folder.ledger))
    for number in range(8):
        trial = search.folder.trial(number)
        for path in (trial / "config.yaml", trial / "metrics.csv", trial):
            assert inode(path) in synced[:ledger], path
    study.close()


def test_no_slot_waits_for_the_disk(tmp_path: Path, synced: list[tuple[int, int]]) -> None:
    study = Simulation(toy_plan(trials=3), tmp_path)
    search = study.open()
    search.trackers = [Unhurried([OnDisk(search.folder, search.ledger)])]
    synced.clear()
    study.drive()
    assert [trial.state for trial in search.study.trials.values()].count("RUNNING") == 0
    assert not synced
    for _ in range(2):  # between two trials nothing is done for one beat
        search.tick()
    assert synced[-1] == inode(search.folder.ledger)
    study.close()


def test_the_ledger_is_waited_for_once(tmp_path: Path, synced: list[tuple[int, int]]) -> None:
    study = Simulation(toy_plan(trials=4), tmp_path, slots=2)
    search = study.open()
    study.drive()
    disk = OnDisk(search.folder, search.ledger)
    synced.clear()
    for record in search.study.trials.values():
        disk.trial_ended(record)
    assert inode(search.folder.ledger) not in synced
    disk.tick()
    disk.tick()
    assert synced.count(inode(search.folder.ledger)) == 1
    study.close()
