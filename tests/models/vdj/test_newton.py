"""Damped Newton steps: on a convex function, on one that is not, and where nothing is left."""

from __future__ import annotations

import numpy as np
import pytest

from distrib.models.vdj.newton import Point, descend, minimise


def rosenbrock(x: np.ndarray) -> Point:
    a, b = x
    value = (1 - a) ** 2 + 100 * (b - a * a) ** 2
    gradient = np.array([-2 * (1 - a) - 400 * a * (b - a * a), 200 * (b - a * a)])
    hessian = np.array([[2 - 400 * (b - 3 * a * a), -400 * a], [-400 * a, 200.0]])
    return Point(float(value), gradient, hessian)


def value_of(x: np.ndarray) -> float:
    return rosenbrock(x).value


@pytest.mark.parametrize("start", [(-1.2, 1.0), (0.0, 2.0), (3.0, -3.0)])
def test_a_valley_that_is_not_convex(start: tuple[float, float]) -> None:
    found = minimise(value_of, rosenbrock, np.array(start), tolerance=1e-10, max_steps=100)
    np.testing.assert_allclose(found, [1, 1], atol=1e-9)


def test_values_only_fall_and_any_place_goes_on_alike() -> None:
    places = list(zip(range(12), descend(value_of, rosenbrock, np.array([-1.2, 1.0]))))
    values = [point.value for _, (_, point) in places]
    assert (np.diff(values) <= 0).all()
    again = descend(value_of, rosenbrock, places[4][1][0])
    for (_, (x, _)), (y, _) in zip(places[4:], again):
        assert (x == y).all()


def test_it_ends_where_no_step_helps() -> None:
    flat = Point(1.0, np.array([1e-3]), np.array([[1.0]]))
    assert len(list(descend(lambda x: 1.0 + abs(x[0]), lambda x: flat, np.zeros(1)))) == 1
