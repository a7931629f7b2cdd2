"""Ctrl-C, a lost terminal, a second driver."""

from __future__ import annotations

import os
import signal
from pathlib import Path
from typing import Any

import pytest

from tests.support.driver import ended_trials, trials_of, write_space

pytestmark = [pytest.mark.ray, pytest.mark.timeout(400)]

TRIALS = 8


def test_interrupted_refused_and_resumed(start: Any, tmp_path: Path) -> None:
    """One study through it all: it costs a start of Ray for each."""
    write_space(tmp_path / "toy.yaml", {"pause": 0.2}, trials=TRIALS, scheduler="none")
    study = tmp_path / "runs" / "toy"
    first = start("--space", "toy.yaml", "--name", "toy", "--concurrent", "2")
    first.until(lambda: ended_trials(study) >= 1)

    second = start("--resume", "runs/toy")
    assert second.wait() == 2
    assert "another driver runs this study" in second.said()
    assert f"process {first.process.pid}" in second.said()
    assert "Traceback" not in second.said()
    assert first.process.poll() is None, first.said()

    first.interrupt()
    assert first.wait() == 130, first.said()
    assert "python -m distrib.tune --resume runs/toy" in first.said()
    assert "Traceback" not in first.said()
    ended = {t.number for t in trials_of(study) if t.state.is_finished()}
    assert 1 <= len(ended) < TRIALS
    assert not (study / "best").exists()

    third = start("--resume", "last", "--concurrent", "2", "--trials", str(TRIALS + 1))
    assert third.wait() == 0, third.said()
    trials = trials_of(study)
    assert len(trials) == TRIALS + 1
    assert {t.state.name for t in trials} == {"COMPLETE"}
    assert (study / "best" / "weights.safetensors").is_file()


@pytest.mark.exhaustive
def test_an_ended_study_keeps_what_it_has(start: Any, tmp_path: Path) -> None:
    """And says so by its summary alone."""
    write_space(tmp_path / "toy.yaml", {"pause": 0}, trials=TRIALS, scheduler="none")
    study = tmp_path / "runs" / "toy"
    first = start("--space", "toy.yaml", "--name", "toy")
    assert first.wait() == 0, first.said()
    before = (study / "ledger.journal").read_bytes()
    fewer = start("--resume", "runs/toy", "--trials", str(TRIALS - 1))
    other = start("--resume", "runs/toy", "--max-epochs", "3")
    assert fewer.wait() == 2
    assert f"{TRIALS} or more" in fewer.said()
    assert other.wait() == 2
    assert "--max-epochs: a resumed study keeps its own" in other.said()
    again = start("--resume", "runs/toy")
    assert again.wait() == 0, again.said()
    assert (study / "ledger.journal").read_bytes() == before


@pytest.mark.exhaustive
def test_interrupted_while_ray_starts(start: Any, tmp_path: Path) -> None:
    write_space(tmp_path / "toy.yaml", trials=TRIALS)
    early = start("--space", "toy.yaml", "--name", "early")
    early.process_id("gcs_server")
    early.interrupt()
    assert early.wait() == 130, early.said()
    assert early.said().splitlines()[-1] == "interrupted"
    assert not (tmp_path / "runs" / "early").exists()


@pytest.mark.exhaustive
def test_interrupted_after_the_search(start: Any, tmp_path: Path) -> None:
    """A lost terminal while fresh seeds confirm, a request to end in the winner's last training."""
    write_space(tmp_path / "toy.yaml", {"pause": 0.1}, trials=2, scheduler="none")
    words = ["--space", "toy.yaml", "--checkpoint-every", "0.1", "--confirm", "2"]
    words += ["--concurrent", "1"]
    whole = start(*words, "--out", "whole")
    study = tmp_path / "runs" / "toy-0"
    first = start(*words)
    first.until(
        lambda: any(study.glob(".confirm/*/checkpoint/state-*"))
    )  # one of the six has ended
    first.process.send_signal(signal.SIGHUP)
    assert first.wait() == 130, first.said()
    assert list(study.glob(".confirm/*/checkpoint/state-*")), (
        "they were done before it was interrupted"
    )

    second = start("--resume", "runs/toy-0")
    second.until(lambda: any(study.glob(".best.part/.refit-*/*")))
    os.killpg(second.process.pid, signal.SIGTERM)  # as `timeout` and Slurm do
    assert second.wait() == 130, second.said()
    for driver in (first, second):
        assert "python -m distrib.tune --resume runs/toy-0" in driver.said()
        assert "Traceback" not in driver.said()
    assert not (study / "best").exists()

    third = start("--resume", "runs/toy-0")
    assert third.wait() == 0, third.said()
    assert not list(study.glob(".best*"))
    assert whole.wait() == 0, whole.said()
    best = (study / "best", tmp_path / "whole" / "toy-0" / "best")
    for name in ("weights.safetensors", "metrics.json"):
        assert (best[0] / name).read_bytes() == (best[1] / name).read_bytes(), name
