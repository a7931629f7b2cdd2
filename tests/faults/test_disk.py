"""A disk that is full or read-only, and one that loses its power."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from distrib.trial_files import read_metrics
from tests.support.driver import trials_of, write_space

pytestmark = [pytest.mark.ray, pytest.mark.timeout(300)]

TRIALS = 40


def mount(*argv: str) -> None:
    subprocess.run(["mount", *argv], check=True, capture_output=True)


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A small disk."""
    if os.geteuid() != 0:
        pytest.skip("only root can mount a small disk")
    place = tmp_path / "disk"
    place.mkdir()
    try:
        mount("-t", "tmpfs", "-o", "size=160k", "tmpfs", str(place))
    except (subprocess.CalledProcessError, FileNotFoundError) as error:
        pytest.skip(f"no small disk can be mounted here: {error}")
    yield place
    subprocess.run(["umount", "-l", str(place)], check=True)


def test_a_full_disk_stops_the_study_which_can_be_resumed(
    disk: Path, start: Any, tmp_path: Path
) -> None:
    write_space(tmp_path / "toy.yaml", {"pause": 0.001}, trials=TRIALS, scheduler="none")
    driver = start("--space", "toy.yaml", "--out", str(disk), "--name", "toy")
    assert driver.wait() == 2, driver.said()
    assert "No space left on device" in driver.said()
    assert "Traceback" not in driver.said()
    before = trials_of(disk / "toy")
    ended = {t.number: t.values for t in before if t.state.is_finished()}
    assert 0 < len(ended) < TRIALS

    mount("-o", "remount,size=100m", str(disk))
    resumed = start("--resume", str(disk / "toy"))
    assert resumed.wait() == 0, resumed.said()
    after = trials_of(disk / "toy")
    assert len(after) == TRIALS
    assert {t.state.name for t in after} == {"COMPLETE"}
    assert {n: after[n].values for n in ended} == ended


@pytest.mark.exhaustive
def test_a_read_only_disk_is_said(disk: Path, start: Any, tmp_path: Path) -> None:
    write_space(tmp_path / "toy.yaml", {"pause": 0}, trials=2)
    mount("-o", "remount,ro", str(disk))
    driver = start("--space", "toy.yaml", "--out", str(disk))
    assert driver.wait() == 2, driver.said()
    assert "Read-only file system" in driver.said()
    assert "Traceback" not in driver.said()
    assert list(disk.iterdir()) == []


@pytest.fixture
def machine(tmp_path: Path) -> Iterator[Path]:
    """A disk that can lose its power: what was not synced is gone then."""
    if os.geteuid() != 0:
        pytest.skip("only root can mount a disk")
    image, place = tmp_path / "image", tmp_path / "machine"
    place.mkdir()
    with image.open("wb") as file:
        file.truncate(64 * 2**20)
    try:
        subprocess.run(["mkfs.ext4", "-q", image], check=True, capture_output=True, timeout=60)
        mount("-o", "loop", str(image), str(place))
    except (subprocess.CalledProcessError, FileNotFoundError) as error:
        pytest.skip(f"no disk image can be mounted here: {error}")
    yield place
    subprocess.run(["umount", "-l", str(place)], check=True, timeout=60)


@pytest.mark.exhaustive
def test_a_loss_of_power_loses_no_trial_that_was_told_to_have_ended(
    machine: Path, start: Any, tmp_path: Path
) -> None:
    """The disk is read-only from one moment to the next, and comes back with what it held then."""
    write_space(tmp_path / "toy.yaml", {"pause": 0.1}, trials=8, scheduler="none")
    study = machine / "runs" / "toy"
    driver = start(*("--space", "toy.yaml", "--out", str(machine / "runs"), "--name", "toy"))
    driver.until(lambda: "3/8, trial" in driver.said())
    mount("-o", "remount,abort", str(machine))
    assert driver.wait() == 2, driver.said()
    assert "Read-only file system" in driver.said()
    assert "Traceback" not in driver.said()

    subprocess.run(["umount", "-l", str(machine)], check=True, timeout=60)
    mount("-o", "loop", str(tmp_path / "image"), str(machine))
    before = ended(study)
    assert len(before) >= 3
    resumed = start("--resume", str(study))
    assert resumed.wait() == 0, resumed.said()
    after = ended(study)
    assert len(after) == 8
    assert {number: after[number] for number in before} == before
    for number in before:
        assert len(read_metrics(study / "trials" / f"{number:04d}" / "metrics.csv")) == 9


def ended(study: Path) -> dict[int, float]:
    """Number and value of each trial that ended."""
    return {t.number: t.value for t in trials_of(study) if t.state.is_finished()}
