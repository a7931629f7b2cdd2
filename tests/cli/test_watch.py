"""`distrib.watch` at a terminal follows a study that another process runs, to its end."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest

from distrib.study.driver.place import new_record
from distrib.study.driver.search_loop import Search
from distrib.study.driver.study_file import write_study
from distrib.study.record.run_folder import RunFolder
from distrib.tracking import wording
from distrib.watch import main as watch
from tests.support.driver import ROOT
from tests.support.simulate import Simulation, toy_plan


def read_until(terminal: int, text: str) -> str:
    said = ""
    while text not in said:
        try:
            said += os.read(terminal, 4096).decode(errors="replace")
        except OSError:  # it has ended
            return said
    return said


@pytest.mark.timeout(120)
def test_it_follows_and_ends_with_the_study(tmp_path: Path) -> None:
    plan = toy_plan()
    folder = RunFolder(tmp_path / "toy-0")
    study = Simulation(plan, folder.path)
    study.open()
    write_study(folder.study_yaml, plan, new_record(plan, "toy-0"), {}, [])
    terminal, theirs = pty.openpty()
    watches: list[subprocess.Popen[bytes]] = []

    def begin(search: Search) -> bool:
        """Once the first trial has ended, somebody looks on from a terminal."""
        if wording.ended(search.study) == 1 and not watches:
            watches.append(
                subprocess.Popen(
                    [sys.executable, "-m", "distrib.watch", str(folder.path), "--every", "0.05"],
                    env={**os.environ, "PYTHONPATH": str(ROOT), "TERM": "xterm", "COLUMNS": "100"},
                    stdin=theirs,
                    stdout=theirs,
                    stderr=theirs,
                )
            )
            assert "1/8 trials" in read_until(terminal, "1/8 trials")
        return False

    with folder.locked():
        study.drive(until=begin)
        study.close()
        os.close(theirs)
        assert "8/8 trials" in read_until(terminal, "8/8 trials")
        assert watches[0].poll() is None
    said = read_until(terminal, "--resume")
    assert watches[0].wait(60) == 0
    assert "no driver runs this study now" in said  # and its winner was never trained
    os.close(terminal)


@pytest.mark.parametrize("name", ["last", "toy-1", "runs/toy-1"])
def test_a_study_is_found_as_a_resume_finds_it(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    for number in range(2):
        plan = toy_plan(trials=number + 1)
        folder = RunFolder(tmp_path / "runs" / f"toy-{number}")
        study = Simulation(plan, folder.path)
        study.open()
        study.close()
        record = new_record(plan, folder.path.name)
        write_study(folder.study_yaml, plan, record, {}, [])
        os.utime(folder.study_yaml, (number, number))
    assert watch(["--once", name]) == 0
    said = capsys.readouterr().out
    assert "toy-1" in said
    assert "0/2 trials" in said
    assert "next: python -m distrib.tune --resume runs/toy-1 --allow-custom\n" in said
