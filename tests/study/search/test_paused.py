"""Samplers learn from trials that wait as from those that were stopped there."""

from __future__ import annotations

from typing import Any

import numpy as np
import optuna
import pytest
from optuna.trial import TrialState

from distrib.study.search.promotion import PAUSES
from distrib.study.search.samplers import build_sampler

RUNNING, GONE_ON = 17, 18
"""Numbers of a trial that never waited, and of one that has gone on."""


def study_of(waiting: bool) -> optuna.Study:
    """Twenty trials; every third ran to its end, the others were stopped, or wait."""
    random = np.random.default_rng(0)
    study = optuna.create_study(direction="maximize", sampler=optuna.samplers.RandomSampler(0))
    for number in range(20):
        trial = study.ask()
        x, kind = trial.suggest_float("x", 0, 1), trial.suggest_categorical("kind", ["a", "b"])
        height = -((x - 0.3) ** 2) + (kind == "a") + 0.1 * random.standard_normal()
        for step in (1, 2, 3) if number % 3 == 0 else (1,):
            trial.report(height * step, step)
        if number in (RUNNING, GONE_ON):
            trial.set_user_attr(PAUSES, [[1.0, 2.0]] if number == GONE_ON else [])
        elif number % 3 == 0:
            study.tell(trial, 3 * height)
        elif waiting:
            trial.set_user_attr(PAUSES, [[1.0, 2.0], [3.0]] if number % 2 else [[1.0]])
        else:
            study.tell(trial, state=TrialState.PRUNED)
    return study


def draws(study: optuna.Study, name: str, pauses: bool) -> list[dict[str, Any]]:
    found = []
    for seed in range(3):
        study.sampler = build_sampler(name, seed, 20 + seed, {}, pauses=pauses)
        trial = study.ask()
        trial.suggest_float("x", 0, 1)
        trial.suggest_categorical("kind", ["a", "b"])
        found.append(trial.params)
        study.tell(trial, state=TrialState.FAIL)
    return found


@pytest.mark.parametrize("name", ["tpe", "gp", "random"])
def test_what_waits_is_shown_as_stopped(name: str) -> None:
    stopped = draws(study_of(False), name, False)
    assert draws(study_of(True), name, True) == stopped
    assert draws(study_of(False), name, True) == stopped
    # Otherwise tpe would pass over all that they have reported; gp learns from trials that run.
    assert name != "tpe" or draws(study_of(True), name, False) != stopped


def test_the_study_itself_stays_as_it_is() -> None:
    study = study_of(True)
    draws(study, "gp", True)
    waiting = [t for t in study.trials if t.user_attrs.get(PAUSES)]
    assert {t.state for t in waiting} == {TrialState.RUNNING}
