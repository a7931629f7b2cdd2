"""What learning curves tell a sampler, against values by hand."""

from __future__ import annotations

import numpy as np
import pytest
from optuna.study import StudyDirection
from optuna.trial import FrozenTrial, TrialState

from distrib.study.search.learning_curves import observe
from tests.study.search.past_trials import trial

MAXIMIZE, MINIMIZE = StudyDirection.MAXIMIZE, StudyDirection.MINIMIZE
COMPLETE, PRUNED, RUNNING = TrialState.COMPLETE, TrialState.PRUNED, TrialState.RUNNING


def rows(trials: list[FrozenTrial], *, last: bool = False) -> list[tuple[int, float, float]]:
    seen = observe(trials, MAXIMIZE, last)
    shares = np.round(seen.shares, 6)
    return [*zip(seen.trials.tolist(), shares.tolist(), seen.values.tolist(), strict=True)]


def test_a_stopped_or_running_trial_counts_as_what_it_would_have_become() -> None:
    trials = [
        trial(0, COMPLETE, 0.1, [1, 1, 2, 2, 2, 2, 5]),
        trial(1, COMPLETE, 0.2, [2, 1, 4, 4, 4, 4, 3]),  # its best was before the end
        trial(2, PRUNED, 0.3, [3, 3, 8]),
        trial(3, RUNNING, 0.4, [4]),
        trial(4, TrialState.FAIL, 0.6, [float("nan")], failure="diverged"),
        trial(5, TrialState.FAIL, 0.7, [7], failure="lost node"),
        trial(6, RUNNING, 0.8, []),
        trial(7, TrialState.FAIL, 0.9, [], failure="bug"),
    ]
    third = round(np.log(3) / np.log(7), 6)
    # From 1 to 3: gains of 1, 2 and 5; from 3 to 7: of 3 and, by what it ended with, -1.
    assert rows(trials) == [
        (0, 0, 1 + 2 + 1), (0, third, 2 + 1), (0, 1, 5),
        (1, 0, 2 + 2 + 1), (1, third, 4 + 1), (1, 1, 3),
        (2, 0, 3 + 2 + 1), (2, third, 8 + 1),
        (3, 0, 4 + 2 + 1),
        (4, 1, 3 - 6), (7, 1, 3 - 6),
    ]  # fmt: skip


def test_lower_is_better_where_it_is() -> None:
    trials = [trial(0, COMPLETE, 0.1, [5, 4, 1]), trial(1, PRUNED, 0.5, [6])]
    assert observe(trials, MINIMIZE, last=False).values.tolist() == [-5 + 4, -1, -6 + 4]


def test_where_the_last_report_counts_a_lucky_one_before_it_does_not() -> None:
    stopped = [trial(0, PRUNED, 0.1, [0.90, 0.62]), trial(1, PRUNED, 0.1, [0.5, 0.5, 0.5])]
    assert rows(stopped, last=True)[1][2] == pytest.approx(0.62)
    assert rows(stopped)[1][2] == pytest.approx(0.90)


def test_between_the_looks_gains_are_interpolated() -> None:
    trials = [trial(0, COMPLETE, 0.1, list(range(9))), trial(1, PRUNED, 0.5, [0.0, 1.0])]
    gained = np.interp(np.log(2), np.log([1, 3, 9]), [8, 6, 0])
    assert rows(trials)[-1] == (1, pytest.approx(np.log(2) / np.log(9), abs=1e-6), 1 + gained)


def test_a_family_that_reports_now_and_then() -> None:
    late = trial(0, COMPLETE, 0.1, [7])
    late.intermediate_values = {5: 5.0, 10: 7.0}
    trials = [late, trial(1, PRUNED, 0.5, [1, 2])]
    # Looked at after 9 and 10 steps; what is gained before 9 nobody tells.
    assert [(i, v) for i, _, v in rows(trials)] == [(0, 5 + 2), (0, 7), (1, 1 + 2), (1, 2 + 2)]


def test_one_that_ended_before_the_others_has_come_to_its_end() -> None:
    trials = [trial(0, COMPLETE, 0.1, [1, 1, 2]), trial(1, COMPLETE, 0.2, [1] * 8 + [9])]
    assert [row for row in rows(trials) if row[0] == 0][-1] == (0, 1, 2)


def test_trials_of_one_report() -> None:
    trials = [trial(i, COMPLETE, 0.1, [float(i)]) for i in range(2)]
    unreported = trial(2, COMPLETE, 0.1, [5.0])
    unreported.intermediate_values = {}
    assert rows([*trials, unreported]) == [(0, 1, 0), (1, 1, 1), (2, 1, 5)]


def test_one_that_is_about_to_fail_tells_what_was_finite() -> None:
    nan = float("nan")
    assert rows([trial(0, RUNNING, 0.1, [1.0, nan]), trial(1, RUNNING, 0.2, [nan])]) == [(0, 1, 1)]


def test_nothing_is_told_yet() -> None:
    assert rows([trial(0, RUNNING, 0.1, [])]) == []
    assert rows([trial(0, TrialState.FAIL, 0.1, [], failure="out of memory")]) == [(0, 1, -1)]


def test_values_whose_differences_no_float_holds() -> None:
    trials = [
        trial(0, COMPLETE, 0.1, [-1.7e308, 0.5, 1.7e308]),
        trial(1, COMPLETE, 0.5, [1.7e308, -1.7e308]),
        trial(2, PRUNED, 0.5, [0.5]),
    ]
    with np.errstate(all="raise"):
        assert np.isfinite(observe(trials, MAXIMIZE, last=True).values).all()
