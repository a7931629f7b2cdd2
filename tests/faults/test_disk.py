"""A disk that is full or read-only."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.driver import trials_of, write_space

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(300)]

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


def test_a_read_only_disk_is_said(disk: Path, start: Any, tmp_path: Path) -> None:
    write_space(tmp_path / "toy.yaml", {"pause": 0}, trials=2)
    mount("-o", "remount,ro", str(disk))
    driver = start("--space", "toy.yaml", "--out", str(disk))
    assert driver.wait() == 2, driver.said()
    assert "Read-only file system" in driver.said()
    assert "Traceback" not in driver.said()
    assert list(disk.iterdir()) == []
