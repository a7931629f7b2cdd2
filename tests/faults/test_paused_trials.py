"""Trials that wait at their rungs, in real processes: killed, resumed, and as they are replayed."""

from __future__ import annotations

import time
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from distrib.study.space.space_file import find_space
from experiments.search_quality.replay import ours
from tests.support.driver import trials_of, write_space

pytestmark = [pytest.mark.ray, pytest.mark.exhaustive, pytest.mark.timeout(600)]

SEED, TRIALS, EPOCHS = 2, 12, 9
OPTIONS = ["--seed", str(SEED), "--concurrent", "1", "--sampler", "gp", "--name", "toy"]


def pauses_in(ledger: Path) -> int:
    """How often trials were paused or went on."""
    return ledger.read_bytes().count(b'"pauses"') if ledger.exists() else 0


def has_paused(ledger: Path, before: int) -> bool:
    """Whether one did since then."""
    return pauses_in(ledger) > before


@pytest.mark.parametrize("workers", [1, 2])
def test_killed_and_resumed_it_ends_as_the_replay_of_it(
    workers: int, start: Any, tmp_path: Path
) -> None:
    """Trials of one worker, and of two that wait and go on together."""
    together: dict[str, Any] = {"trainable": "tests.families.toys:Together"} if workers > 1 else {}
    place = write_space(
        tmp_path / "toy.yaml", {"noise": 0}, trials=TRIALS, scheduler="asha-promotion", **together
    )
    options = [*OPTIONS, "--workers-per-trial", str(workers)]
    study = tmp_path / "runs" / "toy"
    ledger = study / "ledger.journal"
    for kill in range(2):
        arguments = ("--resume", str(study)) if kill else ("--space", "toy.yaml", *options)
        before = pauses_in(ledger)
        driver = start(*arguments)
        driver.until(partial(has_paused, ledger, before))
        time.sleep(0.3)
        assert driver.process.poll() is None, "it was done before it could be killed"
        driver.kill()
    last = start("--resume", str(study))
    assert last.wait() == 0, last.said()
    ended = trials_of(study)
    assert len(ended) == TRIALS
    assert {t.state.name for t in ended} == {"COMPLETE", "PRUNED"}

    def curve(config: dict[str, Any]) -> np.ndarray:
        return config["height"] * (1 - np.exp(-config["rate"] * np.arange(1, EPOCHS + 1)))

    space = find_space(str(place))
    replay = ours(space, curve, SEED, TRIALS, 1, "gp", "asha-promotion", grace=1, factor=3)
    names = ("height", "rate")
    assert [t.params for t in ended] == [{n: c[n] for n in names} for c in replay.configs]
    assert {t.number: max(t.intermediate_values) for t in ended} == replay.stops
    assert any(t.user_attrs.get("pauses") and t.state.name == "COMPLETE" for t in ended)
