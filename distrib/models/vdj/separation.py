"""Directions in which a likelihood has no finite optimum, and what can be known of the others.

Where the data separate choices (Albert and Anderson 1984), the likelihood grows on and on along
some direction of the coefficients: a fit ends wherever its tolerance lets it, and its curvature
there says nothing. A standard error from it is anything from thousands to, by the sandwich
estimator, nearly 0. What is orthogonal to these directions has its errors as if they had been
followed to the end.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scipy.linalg import LinAlgError, eigh, null_space

_FLAT = 1e-6  # of the curvature without effects: what is left of it where a fit ran off
_LESS_THAN_ONE = 0.5  # sequences' worth of information
_RISE = 1e-9  # of the loss, that is noise
_TOUCHED = 1e-3  # part of a sum of coefficients that lies in such a direction


def separated(
    hessian: np.ndarray,
    at_zero: np.ndarray,
    b: np.ndarray,
    num_sequences: float | None,
    loss: Callable[[np.ndarray], float],
) -> np.ndarray:
    """(features, k) directions without a finite optimum, each of variance 1 at b = 0; k may be 0.

    Along them nothing is left of the curvature that the features have where all choices are alike,
    not as much as one sequence tells, and going on as far again makes the loss no larger.

    Args:
        hessian, at_zero: (features, features) of the mean objective at the fitted coefficients b
            (features,), and at 0, without what is hidden.
        num_sequences: that were counted; None where the weights are frequencies.
        loss: the mean objective at any coefficients.
    """
    none = np.zeros((len(b), 0))
    if not len(b):
        return none
    scale = np.abs(np.diag(at_zero)).max()
    try:
        values, vectors = eigh(hessian, at_zero + 1e-12 * scale * np.eye(len(b)))
    except LinAlgError:  # not positive definite: others say so
        return none
    flat = values < _FLAT
    if num_sequences is not None:
        flat &= values * num_sequences < _LESS_THAN_ONE
    found = vectors[:, flat]
    on = found @ (found.T @ at_zero @ b)  # the part of b that lies along them
    start = loss(b)
    runs = np.isfinite(on).all() and loss(b + on) <= start + _RISE * max(1.0, abs(start))
    return found if flat.any() and np.abs(on).max() > 1.0 and runs else none


def touched(mix: np.ndarray, directions: np.ndarray) -> np.ndarray:
    """(rows,) bool, which sums of coefficients (rows, features) have a part along directions."""
    if not directions.shape[1]:
        return np.zeros(len(mix), bool)
    basis, _ = np.linalg.qr(directions)
    size = np.linalg.norm(mix, axis=1)
    return np.linalg.norm(mix @ basis, axis=1) > _TOUCHED * np.maximum(size, 1e-300)


def inverse_beside(hessian: np.ndarray, directions: np.ndarray) -> np.ndarray:
    """(features, features) inverse of a Hessian over what is orthogonal to the directions.

    For sums of coefficients that have no part along them it is the inverse in the limit.
    """
    if not directions.shape[1]:
        return np.linalg.inv(hessian)
    rest = null_space(directions.T)
    return rest @ np.linalg.inv(rest.T @ hessian @ rest) @ rest.T


def tell_separated(names: list[str], remedy: str) -> str:
    """What a model card says of coefficients without a finite optimum.

    Args:
        names: of those that have a part in it. remedy: the penalty that holds them.
    """
    return (
        f"no finite optimum: {', '.join(names)} {'grow' if names[1:] else 'grows'} without bound, "
        "since these data separate "
        "choices by them; where they stand is where the fit was ended, so they have no error, no p "
        f"value and no interval. {remedy} makes them finite"
    )
