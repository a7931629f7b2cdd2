"""The Gaussian process against independent references."""

from __future__ import annotations

import mpmath
import numpy as np
import pytest
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.gaussian_process.kernels import ConstantKernel, Matern

from distrib.study.search.gaussian_process import FITTED, GaussianProcess, log_improvement

CHOICES = np.array([0, 0, 2])


_RANDOM = np.random.default_rng(3)
POINTS = np.column_stack([_RANDOM.random((40, 2)), _RANDOM.random(40) > 0.5])
VALUES = np.sin(5 * POINTS[:, 0]) + POINTS[:, 2] + 0.1 * _RANDOM.standard_normal(40)
VALUES = (VALUES - VALUES.mean()) / VALUES.std()


@pytest.fixture
def process() -> GaussianProcess:
    """Of 40 points, two ranges and two choices; the second range does not matter."""
    return GaussianProcess(POINTS, VALUES, CHOICES)


def test_predictions_are_those_of_scikit_learn(process: GaussianProcess) -> None:
    lengths, (signal, noise) = np.exp(process.parameters[:-2]), np.exp(process.parameters[-2:])
    reference = GaussianProcessRegressor(
        ConstantKernel(signal) * Matern(lengths, nu=2.5), alpha=noise, optimizer=None
    ).fit(POINTS, VALUES)
    points = np.random.default_rng(4).random((50, 3)).round(1)
    points[:, 2] = points[:, 2] > 0.5
    for found, expected in zip(
        process.predict(points), reference.predict(points, return_std=True), strict=True
    ):
        np.testing.assert_allclose(found, expected, atol=1e-9)


def test_many_values_are_all_learned_from() -> None:
    """Some tell the parameters, all of them what lies where."""
    random = np.random.default_rng(5)
    points = random.random((2 * FITTED, 2))
    values = np.sin(5 * points[:, 0]) + 0.1 * random.standard_normal(len(points))
    process = GaussianProcess(points, (values - values.mean()) / values.std(), np.array([0, 0]))
    relevant, irrelevant, _, noise = process.parameters
    assert relevant < irrelevant - 0.5
    assert np.exp(noise) == pytest.approx((0.1 / values.std()) ** 2, rel=0.5)
    where = np.column_stack([points[:, 0], np.full(len(points), 0.5)])
    mean, deviation = process.predict(where)
    truth = (np.sin(5 * where[:, 0]) - values.mean()) / values.std()
    assert np.abs(mean - truth).mean() < 0.05
    assert deviation.max() < np.exp(noise / 2)


def test_any_two_choices_are_equally_far_apart() -> None:
    points = np.array([[-1.0], [0.0], [1.0], [2.0]])  # the first has none of them
    process = GaussianProcess(points, np.array([0.5, 1.0, 0.0, -1.5]), np.array([3]))
    kernel = process.kernel(points)
    assert len({round(k, 12) for k in kernel[np.triu_indices(4, 1)]}) == 1
    assert kernel[0, 0] > kernel[0, 1]


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
    assert np.abs(gradient).max() < 0.1
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
