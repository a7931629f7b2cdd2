"""Search by a Gaussian process: what it learns from."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import optuna
import pytest
from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.study import Study
from optuna.trial import TrialState

from distrib.study.search.gaussian_process_sampler import OBSERVED, Gp, _even, _kept
from distrib.study.search.learning_curves import HUGE, Observations
from tests.study.search.past_trials import SPACE, trial


def test_bad_values_do_not_drown_the_differences_of_good_ones() -> None:
    values = np.array([-1e6, 0.1, 0.6, 0.7, 0.72, 0.725, 0.726])
    even = _even(values, np.full(7, True))
    assert np.all(np.diff(even) > 0)
    assert even.mean() == pytest.approx(0)
    assert even.std() == pytest.approx(1)
    assert even[-1] - even[-2] > 1e4 * (values[-1] - values[-2]) / values.std()
    assert _even(np.full(4, 2.0), np.full(4, True)).tolist() == [0, 0, 0, 0]


@pytest.mark.parametrize(
    "values",
    [[1.0] * 8 + [-HUGE] * 4, [0.1, 0.2, 0.3, -HUGE, HUGE], [1.0] * 9 + [0.0, 0.5]],
    ids=["more than half at the best", "huge", "two are worse"],
)
def test_values_of_any_kind_become_even(values: list[float]) -> None:
    even = _even(np.array(values), np.full(len(values), True))
    assert even.std() == pytest.approx(1)
    assert np.abs(even).max() < 4
    assert np.all(np.diff(even[np.argsort(values)]) >= 0)


def test_what_trials_had_early_leaves_the_scale_to_their_ends() -> None:
    ends = np.arange(12) % 2 > 0
    values = np.where(ends, np.arange(12) / 100, 1e6 * (-1.0) ** (np.arange(12) // 2))
    even = _even(values, ends)
    np.testing.assert_allclose(even[ends], _even(values[ends], ends[ends]))
    assert np.abs(even[~ends]).max() < 20


@pytest.mark.parametrize("wild", ["first epochs", "one region"])
def test_values_that_are_wild_leave_the_rest_to_be_learned(wild: str) -> None:
    """Of 25 trials the best is near 0.3, though some values are a million times the others."""
    study = _study("minimize")
    random = np.random.default_rng(0)
    for seed in range(25):
        study.sampler = Gp(seed, study_seed=0, dimensions=1)
        drawn = study.ask(SPACE)
        x = drawn.params["x"]
        first = 10 ** (6 * random.random()) if wild == "first epochs" else 1 + (x - 0.3) ** 2
        curve = [first, *(1 / e + (x - 0.3) ** 2 for e in range(2, 10))]
        if wild == "one region" and x > 0.8:
            curve = [1e12] * 9
        for epoch, value in enumerate(curve, 1):
            drawn.report(value, epoch)
        study.tell(drawn, curve[-1])
    assert abs(study.best_params["x"] - 0.3) < 0.01


def test_of_many_trials_the_better_and_the_later_are_kept() -> None:
    last = np.random.default_rng(0).permutation(500).astype(float)
    trials, values = np.repeat(np.arange(500), 2), np.repeat(last, 2)
    values[::2] = -values[::2]  # what they had before does not count
    seen = Observations(trials, np.ones(1000), values, np.arange(1000) % 2 > 0)
    kept = _kept(seen)
    assert len(kept) == 2 * OBSERVED
    numbers = set(trials[kept])
    assert set(np.argsort(-last)[: OBSERVED // 2]) <= numbers
    assert set(range(450, 500)) <= numbers


def _study(direction: str = "maximize") -> Study:
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    return optuna.create_study(direction=direction)


def _draw(study: Study, seed: int) -> dict[str, Any]:
    study.sampler = Gp(seed, study_seed=0)
    return study.ask(SPACE).params


@pytest.mark.parametrize("direction", ["maximize", "minimize"])
def test_it_learns_from_stopped_trials_alone(direction: str) -> None:
    """The best of twelve stopped ones lie at 0.7: so do the draws, though nothing is complete."""
    study = _study(direction)
    sign = 1 if direction == "maximize" else -1
    for i in range(12):
        x = i / 11
        study.add_trial(trial(i, TrialState.PRUNED, x, [-sign * abs(x - 0.7)]))
    drawn = [_draw(study, seed)["x"] for seed in range(8)]
    assert np.median(np.abs(np.array(drawn) - 0.7)) < 0.1


def test_it_learns_from_trials_that_run() -> None:
    """Nothing has ended, and the curves so far are highest at 0.7."""
    study = _study()
    for i in range(12):
        x = i / 11
        study.add_trial(trial(i, TrialState.RUNNING, x, [-1.0, -abs(x - 0.7)]))
    drawn = [_draw(study, seed)["x"] for seed in range(8)]
    assert np.median(np.abs(np.array(drawn) - 0.7)) < 0.1


def test_it_looks_where_the_end_is_best_not_the_beginning() -> None:
    """Short curves are best at 0.2; the few long ones say that these end low."""
    study = _study()
    for i in range(24):
        x = i / 23
        curve = [(1 - t) * -abs(x - 0.2) + t * -abs(x - 0.8) for t in np.linspace(0, 1, 9)]
        state = TrialState.COMPLETE if i % 3 == 0 else TrialState.PRUNED
        study.add_trial(trial(i, state, x, curve if i % 3 == 0 else curve[:2]))
    drawn = [_draw(study, seed)["x"] for seed in range(8)]
    assert np.median(np.abs(np.array(drawn) - 0.8)) < 0.15


@pytest.mark.parametrize(("dimensions", "first"), [(1, 5), (7, 7), (30, 10)])
def test_the_start_has_a_trial_per_dimension(dimensions: int, first: int) -> None:
    """Five to ten of them, each in a part of its own of every range."""
    study = _study()
    for number in range(first):
        study.sampler = Gp(number, 0, dimensions)
        drawn = study.ask({"x": FloatDistribution(0, 1)})
        study.tell(drawn, 0.0)
    parts = sorted(int(t.params["x"] * first) for t in study.trials)
    assert parts == list(range(first))
    assert Gp(0, 0, dimensions).infer_relative_search_space(study, study.ask()._cached_frozen_trial)


def test_it_leaves_where_trials_fail() -> None:
    """Values rise towards 1, where every trial diverges."""
    study = _study()
    for i in range(12):
        x = i / 11
        if x < 0.6:
            study.add_trial(trial(i, TrialState.COMPLETE, x, [x]))
        else:
            study.add_trial(trial(i, TrialState.FAIL, x, [math.nan], failure="diverged"))
    assert all(_draw(study, seed)["x"] < 0.75 for seed in range(8))


def test_one_success_among_failures_says_where_to_look() -> None:
    study = _study()
    for i in range(12):
        state = TrialState.FAIL if i else TrialState.COMPLETE
        study.add_trial(trial(i, state, i / 11, [1.0], **({"failure": "diverged"} if i else {})))
    assert np.median([_draw(study, seed)["x"] for seed in range(8)]) < 0.2


def test_no_place_twice_while_there_is_another() -> None:
    """Sixteen places; ten had a trial at random, six more are drawn at once."""
    space = {"n": IntDistribution(0, 7), "kind": CategoricalDistribution(["a", "b"])}
    study = _study()
    for seed in range(16):
        study.sampler = Gp(seed, study_seed=0)
        drawn = study.ask(space)
        if seed < 10:
            study.tell(drawn, -float(drawn.params["n"]))
    places = [tuple(t.params.values()) for t in study.trials]
    assert len(set(places[10:])) == 6
    assert not set(places[10:]) & set(places[:10])
    study.sampler = Gp(16, study_seed=0)
    assert study.ask(space).params["n"] in range(8)  # nothing new may be left


def test_while_a_trial_runs_the_next_one_goes_elsewhere() -> None:
    """What lies beyond 0.3 is unknown: the first draw looks there, the next one does not follow."""
    study = _study()
    for i in range(12):
        x = 0.3 * i / 11
        study.add_trial(trial(i, TrialState.COMPLETE, x, [math.sin(7 * x)]))
    first, second = (_draw(study, seed=0)["x"] for _ in range(2))
    assert first > 0.5
    assert abs(first - second) > 0.1


def test_where_trials_raise_none_is_drawn_again_and_again() -> None:
    """Beyond 0.4 each fails, and what is left is at its best there."""
    study = _study("maximize")
    for seed in range(30):
        study.sampler = Gp(seed, study_seed=0, dimensions=1)
        drawn = study.ask(SPACE)
        x = drawn.params["x"]
        if x > 0.4:
            drawn.set_user_attr("failure", "bug")
            study.tell(drawn, state=TrialState.FAIL)
        else:
            study.tell(drawn, x)
    failed = sum(t.state == TrialState.FAIL for t in study.trials[10:])
    assert failed <= 10
    assert study.best_value > 0.37
