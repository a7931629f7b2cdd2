"""The reader of a study's output goes away: the study does not."""

from __future__ import annotations

import os
import pty
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import pytest

from tests.support.driver import ROOT, ended_trials, trials_of, write_space

pytestmark = [pytest.mark.exhaustive, pytest.mark.timeout(300)]


def command(*argv: str) -> list[str]:
    return [sys.executable, "-m", "distrib.tune", "--allow-custom", *argv]


def environment() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}


def test_a_closed_pipe_ends_the_talk_and_not_the_study(tmp_path: Path) -> None:
    write_space(tmp_path / "toy.yaml", trials=4)
    driver = subprocess.Popen(
        command("--space", "toy.yaml", "--name", "s"),
        cwd=tmp_path,
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert driver.stdout is not None
    driver.stdout.readline()
    driver.stdout.close()
    assert driver.stderr is not None
    errors = driver.stderr.read().decode()
    driver.stderr.close()
    assert driver.wait(120) == 0, errors
    assert "Traceback" not in errors
    study = tmp_path / "runs" / "s"
    assert len(trials_of(study)) == 4
    assert (study / "best" / "weights.safetensors").exists()
    assert (study / "report.html").exists()


def test_a_lost_terminal_interrupts_the_study_in_good_order(tmp_path: Path) -> None:
    write_space(tmp_path / "toy.yaml", {"pause": 0.1}, trials=200, scheduler="none")
    study = tmp_path / "runs" / "s"
    child, terminal = pty.fork()
    if child == 0:
        os.chdir(tmp_path)
        argv = command("--space", "toy.yaml", "--name", "s")
        os.execvpe(argv[0], argv, environment())
    try:
        os.set_blocking(terminal, False)
        end = time.monotonic() + 120
        while ended_trials(study) < 2:
            assert time.monotonic() < end
            drain(terminal)
            time.sleep(0.05)
        os.close(terminal)  # the kernel hangs up on the session
        _, status = os.waitpid(child, 0) if waited(child, 30) else (0, None)
        assert status is not None, "the driver hangs on after its terminal was lost"
        assert os.waitstatus_to_exitcode(status) == 130
    finally:
        with suppress(ProcessLookupError):
            os.kill(child, signal.SIGKILL)
    assert (study / "leaderboard.csv").exists()
    assert len(trials_of(study)) < 200


def drain(terminal: int) -> None:
    """Read what the terminal shows, so that the driver can go on writing."""
    try:
        while os.read(terminal, 65536):
            pass
    except (BlockingIOError, OSError):
        return


def waited(child: int, patience: float) -> bool:
    """Whether a process ends in time; it is left to be waited for."""
    end = time.monotonic() + patience
    while time.monotonic() < end:
        if os.waitid(os.P_PID, child, os.WEXITED | os.WNOWAIT | os.WNOHANG) is not None:
            return True
        time.sleep(0.1)
    return False
