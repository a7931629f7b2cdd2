"""The Gaussian process against independent references, and what it learns from."""

from __future__ import annotations

import math
from typing import Any

import mpmath
import numpy as np
import optuna
import pytest
from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)
from optuna.study import Study, StudyDirection
from optuna.trial import FrozenTrial, TrialState, create_trial
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.gaussian_process.kernels import ConstantKernel, Matern

from distrib.study.search.gaussian_process import GaussianProcess, log_improvement
from distrib.study.search.gaussian_process_sampler import OBSERVED, Gp, _even, _kept, _observe

SPACE: dict[str, BaseDistribution] = {
    "x": FloatDistribution(0, 1),
    "kind": CategoricalDistribution(["a", "b"]),
}
CHOICES = np.array([False, False, True])


@pytest.fixture
def process() -> GaussianProcess:
    """Of 40 points, two ranges and two choices; a third of the values are uncertain."""
    random = np.random.default_rng(3)
    points = random.random((40, 3))
    points[:, 2] = points[:, 2] > 0.5
    values = np.sin(5 * points[:, 0]) + points[:, 2] + 0.1 * random.standard_normal(40)
    variance = np.where(np.arange(40) % 3, 0.0, 0.3)
    return GaussianProcess(points, (values - values.mean()) / values.std(), variance, CHOICES)


def test_predictions_are_those_of_scikit_learn(process: GaussianProcess) -> None:
    lengths, (signal, noise) = np.exp(process.parameters[:-2]), np.exp(process.parameters[-2:])
    reference = GaussianProcessRegressor(
        ConstantKernel(signal) * Matern(lengths, nu=2.5),
        alpha=noise + process.variance,
        optimizer=None,
    ).fit(process.points, process.values)
    points = np.random.default_rng(4).random((50, 3)).round(1)
    points[:, 2] = points[:, 2] > 0.5
    for found, expected in zip(
        process.predict(points), reference.predict(points, return_std=True), strict=True
    ):
        np.testing.assert_allclose(found, expected, atol=1e-9)


def test_any_two_choices_are_equally_far_apart() -> None:
    points = np.array([[0.0], [1.0], [2.0]])
    process = GaussianProcess(points, np.array([1.0, 0.0, -1.0]), np.zeros(3), np.array([True]))
    kernel, *_ = process._kernel(points, process.parameters)
    assert len({round(k, 12) for k in kernel[np.triu_indices(3, 1)]}) == 1


def test_the_gradient_of_the_fit(process: GaussianProcess) -> None:
    for seed in range(3):
        at = process._prior[0] + np.random.default_rng(seed).standard_normal(5)
        _, gradient = process.negative_log_posterior(at)
        for i in range(5):
            step = np.eye(5)[i] * 1e-5
            high, low = (process.negative_log_posterior(at + s)[0] for s in (step, -step))
            assert gradient[i] == pytest.approx((high - low) / 2e-5, rel=1e-5, abs=1e-6)


def test_the_fit_is_at_a_maximum_and_knows_what_matters(process: GaussianProcess) -> None:
    _, gradient = process.negative_log_posterior(process.parameters)
    assert np.abs(gradient).max() < 0.05
    relevant, irrelevant, _ = process.parameters[:3]
    assert relevant < irrelevant - 0.5


def test_what_is_believed_changes_no_mean_and_makes_sure(process: GaussianProcess) -> None:
    there = np.array([[0.31, 0.77, 1.0]])
    mean, deviation = process.predict(there)
    process.believe(there)
    again, surer = process.predict(there)
    assert again == pytest.approx(mean, abs=1e-9)
    assert surer < deviation


@pytest.mark.parametrize(
    "u", [1e6, 50, 31, 29, 8.0, 1.0, 0.0, -0.999, -1.001, -5, -40, -999, -1001, -1e6]
)
def test_the_logarithm_of_expected_improvement(u: float) -> None:
    with mpmath.workdps(80):
        exact = mpmath.log(mpmath.npdf(u) + u * mpmath.ncdf(u))
    assert float(log_improvement(np.array(u))) == pytest.approx(float(exact), rel=1e-7)


def trial(
    number: int, state: TrialState, x: float, reports: list[float], **attributes: Any
) -> FrozenTrial:
    """A trial of `SPACE` with a report for each step from 1 on, the last one its value."""
    made = create_trial(
        state=state,
        value=reports[-1] if state == TrialState.COMPLETE else None,
        params={"x": x, "kind": "ab"[number % 2]},
        distributions=SPACE,
        intermediate_values=dict(enumerate(reports, 1)),
        user_attrs=attributes,
    )
    made.number = number
    return made


def test_a_stopped_trial_counts_as_what_it_would_have_become() -> None:
    trials = [
        trial(0, TrialState.COMPLETE, 0.1, [1, 2, 5]),
        trial(1, TrialState.COMPLETE, 0.2, [2, 1, 3]),
        trial(2, TrialState.COMPLETE, 0.3, [3, 4, 8]),
        trial(3, TrialState.COMPLETE, 0.4, [9]),  # over before the others' second step
        trial(4, TrialState.PRUNED, 0.5, [3, 2]),
        trial(5, TrialState.FAIL, 0.6, [float("nan")], failure="diverged"),
        trial(6, TrialState.FAIL, 0.7, [7], failure="lost node"),
        trial(7, TrialState.RUNNING, 0.8, [7]),
    ]
    ended, values, variance = _observe(trials, StudyDirection.MAXIMIZE, last=False)
    assert [t.number for t in ended] == [0, 1, 2, 3, 4, 5]
    # Gains from step 2 on: 5 - 2, 3 - 2, 8 - 4. The failed one: as far below 3 as 3 is below 9.
    assert values.tolist() == [5, 3, 8, 9, 3 + 3, -3]
    assert (variance > 0).tolist() == [False] * 4 + [True, False]


def test_lower_is_better_where_it_is() -> None:
    trials = [
        trial(0, TrialState.COMPLETE, 0.1, [5, 4, 1]),
        trial(1, TrialState.PRUNED, 0.5, [6, 7]),
    ]
    _, values, _ = _observe(trials, StudyDirection.MINIMIZE, last=False)
    assert values.tolist() == [-1, -(6 - 3)]


def test_where_the_last_report_counts_a_lucky_one_before_it_does_not() -> None:
    trials = [
        trial(0, TrialState.COMPLETE, 0.1, [0.70, 0.71, 0.73]),
        trial(1, TrialState.COMPLETE, 0.2, [0.69, 0.72, 0.71]),
        trial(2, TrialState.PRUNED, 0.9, [0.90, 0.62]),
    ]
    _, values, _ = _observe(trials, StudyDirection.MAXIMIZE, last=True)
    assert values[-1] == pytest.approx(0.62 + (0.02 - 0.01) / 2)


def test_a_first_report_after_the_step_of_a_stop() -> None:
    """A family may report now and then: what such a trial gained from that step on is unknown."""
    late = trial(0, TrialState.COMPLETE, 0.1, [5, 6, 7])
    late.intermediate_values = {5: 5.0, 10: 7.0}
    trials = [late, trial(1, TrialState.PRUNED, 0.5, [1, 2])]
    assert _observe(trials, StudyDirection.MAXIMIZE, last=False)[1].tolist() == [7, 2]


def test_nothing_complete_yet() -> None:
    trials = [trial(i, TrialState.PRUNED, i / 10, [float(i)]) for i in range(3)]
    assert _observe(trials, StudyDirection.MAXIMIZE, last=False)[1].tolist() == [0, 1, 2]


def test_bad_values_do_not_drown_the_differences_of_good_ones() -> None:
    values = np.array([-1e6, 0.1, 0.6, 0.7, 0.72, 0.725, 0.726])
    even = _even(values)
    assert np.all(np.diff(even) > 0)
    assert even.mean() == pytest.approx(0)
    assert even.std() == pytest.approx(1)
    assert even[-1] - even[-2] > 1e4 * (values[-1] - values[-2]) / values.std()
    assert _even(np.full(4, 2.0)).tolist() == [0, 0, 0, 0]


@pytest.mark.parametrize(
    "values",
    [[1.0] * 8 + [-1e300] * 4, [0.1, 0.2, 0.3, -1e308, 1e308], [1.0] * 9 + [0.0, 0.5]],
    ids=["more than half at the best", "huge", "two are worse"],
)
def test_values_of_any_kind_become_even(values: list[float]) -> None:
    even = _even(np.array(values))
    assert even.std() == pytest.approx(1)
    assert np.abs(even).max() < 4
    assert np.all(np.diff(even[np.argsort(values)]) >= 0)


def test_of_many_trials_the_better_and_the_later_are_kept() -> None:
    values = np.random.default_rng(0).permutation(500).astype(float)
    trials = [trial(i, TrialState.COMPLETE, 0.5, [v]) for i, v in enumerate(values)]
    kept = _kept(trials, values)
    assert len(set(kept)) == OBSERVED
    assert set(np.argsort(-values)[: OBSERVED // 2]) <= set(kept)
    assert set(range(430, 500)) <= set(kept)


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
