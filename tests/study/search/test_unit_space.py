"""The unit cube in which samplers measure distances."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

from distrib.study.search.unit_space import UnitSpace, from_unit, to_unit

SPACE = {
    "rate": FloatDistribution(1e-5, 1e-1, log=True),
    "layers": IntDistribution(1, 3),
    "loss": CategoricalDistribution(["mse", "cross_entropy", "none"]),
}


@pytest.mark.parametrize(
    "distribution",
    [
        FloatDistribution(-1, 2),
        FloatDistribution(0, 1, step=0.25),
        FloatDistribution(1e-5, 1e-1, log=True),
        IntDistribution(1, 9),
        IntDistribution(1, 10, step=3),
        IntDistribution(1, 100, log=True),
    ],
    ids=str,
)
def test_a_range_holds_every_value_evenly(
    distribution: FloatDistribution | IntDistribution,
) -> None:
    found = [from_unit(distribution, x) for x in np.linspace(0, 1, 2001)]
    assert all(distribution._contains(distribution.to_internal_repr(v)) for v in found)
    assert (found[0], found[-1]) == (distribution.low, pytest.approx(distribution.high))
    for value in found[::100]:
        assert from_unit(distribution, to_unit(distribution, value)) == pytest.approx(value)
    if distribution.step and not distribution.log:
        counts = Counter(found)
        assert max(counts.values()) - min(counts.values()) <= 2


def test_points_are_configurations() -> None:
    """What is drawn, anywhere or near, is a configuration whose point it is."""
    unit_space, random = UnitSpace(SPACE), np.random.default_rng(0)
    anywhere = unit_space.draw(200, random)
    for points in (anywhere, unit_space.near(anywhere, 0.1, random)):
        for point in points:
            params = unit_space.params(point)
            assert all(d._contains(d.to_internal_repr(params[n])) for n, d in SPACE.items())
            np.testing.assert_allclose(unit_space.point(params), point, atol=1e-12)
        counts = Counter(unit_space.params(point)["loss"] for point in points)
        assert set(counts) == set(SPACE["loss"].choices)
        assert min(counts.values()) > 40


def test_whole_numbers_that_floats_do_not_hold() -> None:
    unit_space = UnitSpace({"n": IntDistribution(0, 2**63 - 1)})
    assert unit_space.params(np.array([1.0])) == {"n": 2**63 - 1}


def test_near_is_near() -> None:
    unit_space, random = UnitSpace(SPACE), np.random.default_rng(0)
    centres = unit_space.draw(500, random)
    beside = unit_space.near(centres, 0.02, random)
    assert np.abs(beside - centres)[:, 0].max() < 0.1
    assert (beside[:, 2] != centres[:, 2]).mean() < 0.15
