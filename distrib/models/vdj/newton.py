"""Minimising a smooth function of few variables by damped Newton steps, in NumPy."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np
from scipy.linalg import LinAlgError, cho_factor, cho_solve

_ARMIJO = 1e-4
_ROUNDING = 1e-14  # relative change of the value that is noise
_SHORTEST = 1e-10


class Point(NamedTuple):
    """Value, gradient (n,) and Hessian (n, n) of a function somewhere."""

    value: float
    gradient: np.ndarray
    hessian: np.ndarray


def descend(
    value: Callable[[np.ndarray], float],
    derivatives: Callable[[np.ndarray], Point],
    start: np.ndarray,
) -> Iterator[tuple[np.ndarray, Point]]:
    """Where Newton steps lead, `start` first; ends where no step lowers the value any more.

    Steps are halved until the value falls enough. Where the Hessian is not positive definite,
    multiples of the identity are added to it. There is no memory: a descent from any of the places
    goes on as this one does.
    """
    x = np.asarray(start, float)
    while True:
        point = derivatives(x)
        yield x, point
        direction = _direction(point)
        fall = float(point.gradient @ direction)
        length = 1.0
        noise = _ROUNDING * abs(point.value)
        while not value(x + length * direction) <= point.value + _ARMIJO * length * fall + noise:
            length /= 2
            if length < _SHORTEST:
                return
        x = x + length * direction


def minimise(
    value: Callable[[np.ndarray], float],
    derivatives: Callable[[np.ndarray], Point],
    start: np.ndarray,
    *,
    tolerance: float,
    max_steps: int,
) -> np.ndarray:
    """(n,) the end of a descent: where the gradient's norm is at most `tolerance`, or before."""
    x = start
    for step, (place, point) in enumerate(descend(value, derivatives, start)):
        x = place
        norm = float(np.linalg.norm(point.gradient))
        if norm <= tolerance or not np.isfinite(norm) or step == max_steps:
            break
    return x


def _direction(point: Point) -> np.ndarray:
    size = float(np.abs(np.diag(point.hessian)).max(initial=1e-300))
    for damping in (0.0, *(size * 10.0**k for k in range(-8, 9))):
        try:
            factor = cho_factor(point.hessian + damping * np.eye(len(point.gradient)))
        except (LinAlgError, ValueError):  # not positive definite, or not finite
            continue
        return -cho_solve(factor, point.gradient)
    return -point.gradient / size
