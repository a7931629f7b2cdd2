"""Standard errors and tests: against simulation, scikit-learn's kin by hand, and known cases."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from distrib.models.vdj.inference import (
    cluster_covariance,
    covariance,
    likelihood_ratio,
    wald_tests,
)


def test_the_variance_of_a_mean() -> None:
    """A normal mean: the Hessian of the mean loss is 1, its variance 1 / N."""
    assert covariance(np.eye(1), 400)[0, 0] == 1 / 400


def test_clusters_of_one_give_the_sandwich_and_copies_do_not_count_twice() -> None:
    rng = np.random.default_rng(0)
    scores = rng.normal(size=(300, 2)) * [1.0, 3.0]
    weights = np.full(300, 1 / 300)
    alone = cluster_covariance(np.eye(2), scores, weights, np.arange(300))
    np.testing.assert_allclose(alone, 300 / 299 * scores.T @ scores / 300**2)
    # Every observation ten times, in one cluster each: nothing new was learnt.
    copies = np.repeat(scores, 10, axis=0)
    again = cluster_covariance(np.eye(2), copies, np.full(3000, 1 / 3000), np.arange(3000) // 10)
    np.testing.assert_allclose(again, alone)


def test_wald_tests_are_two_sided_and_adjusted() -> None:
    found = wald_tests(np.array([1.96, -1.96, 0.0, 10.0]), np.ones(4))
    np.testing.assert_allclose(found.p[:3], [0.05, 0.05, 1.0], atol=1e-4)
    assert (found.adjusted == np.minimum(found.p * 4, 1)).all()
    assert 0 < found.p[3] < 1e-20  # no rounding to 0


def test_a_likelihood_ratio() -> None:
    found = likelihood_ratio(-100.0, -103.0, 2)
    assert found.statistic == 6.0
    assert found.p == pytest.approx(stats.chi2.sf(6.0, 2))
    assert likelihood_ratio(-100.0, -100.0 + 1e-12, 1).p == 1.0
