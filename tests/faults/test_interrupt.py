"""Ctrl-C, a lost terminal, a second driver."""

from __future__ import annotations

import signal
from pathlib import Path
from typing import Any

import pytest

from tests.driver import ended_trials, trials_of, write_space

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(400)]

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

    third = start("--resume", "runs/toy", "--concurrent", "2")
    third.until(lambda: ended_trials(study) > len(ended))
    third.process.send_signal(signal.SIGHUP)
    assert third.wait() == 130, third.said()
    assert "--resume runs/toy" in third.said()
    more = {t.number for t in trials_of(study) if t.state.is_finished()}
    assert more > ended

    fourth = start("--resume", "last", "--concurrent", "2", "--trials", str(TRIALS + 1))
    assert fourth.wait() == 0, fourth.said()
    trials = trials_of(study)
    assert len(trials) == TRIALS + 1
    assert {t.state.name for t in trials} == {"COMPLETE"}
    assert (study / "best" / "weights.safetensors").is_file()


def test_interrupted_in_the_last_training(start: Any, tmp_path: Path) -> None:
    write_space(tmp_path / "toy.yaml", {"pause": 0.3}, trials=1)
    study = tmp_path / "runs" / "toy-0"
    first = start("--space", "toy.yaml", "--checkpoint-every", "0.1")
    first.until(lambda: any(study.glob(".best.part/.refit-*/*")))
    first.interrupt()
    assert first.wait() == 130, first.said()
    assert "python -m distrib.tune --resume runs/toy-0" in first.said()
    assert "Traceback" not in first.said()
    assert not (study / "best").exists()

    second = start("--resume", "runs/toy-0")
    assert second.wait() == 0, second.said()
    assert (study / "best" / "weights.safetensors").is_file()
    assert not list(study.glob(".best*"))


def test_fewer_trials_than_there_are_and_another_family_are_refused(
    start: Any, tmp_path: Path
) -> None:
    write_space(tmp_path / "toy.yaml", {"pause": 0}, trials=3)
    first = start("--space", "toy.yaml")
    assert first.wait() == 0, first.said()
    fewer = start("--resume", "runs/toy-0", "--trials", "2")
    assert fewer.wait() == 2
    assert "3 or more" in fewer.said()
    # A study that is done has nothing left to do, and says so by its summary alone.
    before = (tmp_path / "runs" / "toy-0" / "ledger.journal").read_bytes()
    again = start("--resume", "runs/toy-0")
    assert again.wait() == 0, again.said()
    assert (tmp_path / "runs" / "toy-0" / "ledger.journal").read_bytes() == before
