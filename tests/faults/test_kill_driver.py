"""`kill -9` of the driver at random moments: after a resume it is as if nothing had happened."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from distrib.trial_files import read_metrics
from tests.support.driver import trials_of, write_space

pytestmark = [pytest.mark.ray, pytest.mark.timeout(600)]

OPTIONS = ["--seed", "7", "--concurrent", "1", "--checkpoint-every", "0.1", "--name", "toy"]


def found(study: Path) -> list[Any]:
    return [(t.params, t.state, t.intermediate_values, t.values) for t in trials_of(study)]


def finished(study: Path) -> dict[int, bytes]:
    """metrics.csv of every trial that has ended."""
    return {
        t.number: (study / "trials" / f"{t.number:04d}" / "metrics.csv").read_bytes()
        for t in trials_of(study)
        if t.state.is_finished()
    }


@pytest.mark.parametrize(
    ("trials", "kills"), [(12, 2), pytest.param(30, 10, marks=pytest.mark.exhaustive)]
)
def test_resumes_lose_and_repeat_nothing(
    start: Any, tmp_path: Path, trials: int, kills: int
) -> None:
    write_space(tmp_path / "toy.yaml", trials=trials, scheduler="asha")
    whole = start("--space", "toy.yaml", *OPTIONS, "--out", "whole")
    random = np.random.default_rng(kills)
    study = tmp_path / "runs" / "toy"
    ledger, before = study / "ledger.journal", {}
    for kill in range(kills):
        size = ledger.stat().st_size if kill else 0
        arguments = ("--resume", str(study)) if kill else ("--space", "toy.yaml", *OPTIONS)
        driver = start(*arguments)
        if kill and random.random() < 0.2:  # while it starts
            time.sleep(random.uniform(0.5, 3))
        else:  # while it searches
            driver.until(lambda: ledger.exists() and ledger.stat().st_size > size + 200)  # noqa: B023
            time.sleep(random.uniform(0, 0.5))
        assert driver.process.poll() is None, "it was done before it could be killed"
        driver.kill()
        after = finished(study)
        assert after.items() >= before.items()
        before = after
    last = start("--resume", str(study))
    assert last.wait() == 0, last.said()
    assert whole.wait() == 0, whole.said()
    assert finished(study).items() >= before.items()
    ended = trials_of(study)
    assert len(ended) == trials
    assert all(t.state.is_finished() for t in ended)
    assert found(study) == found(tmp_path / "whole" / "toy")
    for t in ended:
        rows = read_metrics(study / "trials" / f"{t.number:04d}" / "metrics.csv")
        assert [row["step"] for row in rows] == list(range(1, len(rows) + 1))
        assert {r["step"]: r["score"] for r in rows}.items() >= t.intermediate_values.items()
