"""The run folder: names, numbers, one driver at a time."""

from __future__ import annotations

import multiprocessing
import os
import subprocess
import sys
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import pytest

from distrib.errors import InputError
from distrib.study.driver.live_record import is_running
from distrib.study.record.run_folder import (
    RunFolder,
    check_free,
    check_name,
    create_run_folder,
    open_run_folder,
)


def make(out: str) -> str:
    return create_run_folder(Path(out), None, "toy").path.name


def test_numbers_are_taken_atomically(tmp_path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(2, mp_context=context) as pool:
        names = list(pool.map(make, [str(tmp_path)] * 30))
    assert sorted(names, key=lambda n: int(n[4:])) == [f"toy-{n}" for n in range(30)]


def test_a_number_that_was_taken_does_not_come_back(tmp_path: Path) -> None:
    for name in ("toy-7", "toy-x", "toy-8b", "other-9"):
        (tmp_path / name).mkdir()
    assert create_run_folder(tmp_path, None, "toy").path.name == "toy-8"


def test_a_name_is_taken_once(tmp_path: Path) -> None:
    check_free(tmp_path / "runs", "mine")
    create_run_folder(tmp_path / "runs", "mine", "toy")
    for refuse in (lambda: check_free(tmp_path / "runs", "mine"),
                   lambda: create_run_folder(tmp_path / "runs", "mine", "toy")):  # fmt: skip
        with pytest.raises(InputError, match="exists already") as caught:
            refuse()
        assert f"--resume {tmp_path / 'runs' / 'mine'}" in str(caught.value)


def test_a_place_that_cannot_be_written_to_is_told_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tmp_path.chmod(0o500)
    monkeypatch.setattr(os, "access", lambda path, mode: bool(path.stat().st_mode & 0o200))
    with pytest.raises(InputError, match="no study can be written here") as caught:
        check_free(tmp_path / "runs" / "deep", None)
    assert "found:    Permission denied" in str(caught.value)
    tmp_path.chmod(0o700)
    check_free(tmp_path / "runs" / "deep", None)


@pytest.mark.parametrize("name", ["", ".", "..", "a/b", "/a", "-a", ".a", "a b", "ä", "a" * 101])
def test_names_that_are_no_folders(name: str) -> None:
    with pytest.raises(InputError, match="--name"):
        check_name(name)


@pytest.mark.parametrize("name", ["a", "7", "A.b_c-d", "a" * 100])
def test_names_that_are(name: str) -> None:
    assert check_name(name) == name


def test_another_process_is_refused_and_told_who_holds_it(tmp_path: Path) -> None:
    code = (
        "import sys, time; from pathlib import Path\n"
        "from distrib.study.record.run_folder import RunFolder\n"
        "with RunFolder(Path(sys.argv[1])).locked(): print('held', flush=True); sys.stdin.read()"
    )
    holder = subprocess.Popen(
        [sys.executable, "-c", code, str(tmp_path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    with holder:
        assert holder.stdout.readline() == "held\n"
        with pytest.raises(InputError, match="another driver") as caught:
            RunFolder(tmp_path).locked().__enter__()
        assert f"process {holder.pid}" in str(caught.value)
        assert is_running(tmp_path)
        holder.kill()
    # A lock goes with its process: nothing stale is left to remove.
    assert not is_running(tmp_path)
    with RunFolder(tmp_path).locked():
        assert is_running(tmp_path)
    assert not is_running(tmp_path)


@pytest.mark.parametrize("there", [True, False])
def test_a_lock_that_is_a_link_is_refused_before_it_is_written_to(
    there: bool, tmp_path: Path
) -> None:
    study, other = tmp_path / "study", tmp_path / "precious"
    study.mkdir()
    if there:
        other.write_text("precious")
    (study / ".lock").symlink_to(other)
    with pytest.raises(InputError, match="a link stands"):
        RunFolder(study).locked().__enter__()
    assert other.exists() == there
    assert not there or other.read_text() == "precious"


def test_what_is_no_study_is_said(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"study\.yaml and ledger\.journal"):
        open_run_folder(tmp_path)
    (tmp_path / "study.yaml").touch()
    with pytest.raises(InputError, match="this study has lost its ledger"):
        open_run_folder(tmp_path)
    with pytest.raises(InputError, match="no such study"):
        open_run_folder(tmp_path / "none")


def test_the_size_is_what_the_disk_holds(tmp_path: Path) -> None:
    """Many small files take a block each: `du` counts them so."""
    folder = RunFolder(tmp_path / "study")
    for number in range(200):
        place = folder.trial(number)
        place.mkdir(parents=True)
        (place / "config.yaml").write_text("a: 1\n")
    told = subprocess.run(
        ["du", "-s", "--block-size=1", str(folder.path)], capture_output=True, text=True,
        check=True, timeout=30,
    )  # fmt: skip
    assert folder.size() == int(told.stdout.split()[0])
    assert folder.size() > 200 * len("a: 1\n")
