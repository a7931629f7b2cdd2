"""Fitting a junction model: by expectation-maximisation, or directly.

The observed likelihood sums over the candidates of an observation. EM (Dempster, Laird and Rubin
1977) deals each observation to its candidates and fits as if that were known; it never lowers the
likelihood, and is slow where much is unknown. The direct way takes Newton steps on the observed
likelihood itself, whose Hessian is EM's less the missing information (Louis 1982). Both end where
the gradient, which they share (Fisher's identity), is zero.

Losses are means per sequence, in nats, where weights sum to 1.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np

from distrib.models.vdj.junction_likelihood import JunctionLikelihood
from distrib.models.vdj.newton import Point, descend, minimise

Method = Literal["em", "squarem", "direct"]

_M_STEPS = 3  # Newton steps of an M step: it need not be exact to raise the likelihood
_M_TOLERANCE = 1e-12
_MOST_REFINEMENTS = 30


@dataclass(frozen=True)
class Iteration:
    """Where a fit stands.

    Attributes:
        b: (features,) coefficients.
        loss: observed negative log likelihood, without the penalty.
        q: the expected complete one at its own shares, which Russell et al. (2025) report as the
            loss: the observed one plus the entropy of the shares.
        gradient_norm: of the observed objective, penalty included.
    """

    b: np.ndarray
    loss: float
    q: float
    gradient_norm: float


@dataclass(frozen=True)
class _Expectation:
    """An E step: shares (candidates,), gradient, and the Hessian of the M step to come."""

    where: Iteration
    shares: np.ndarray
    gradient: np.ndarray
    hessian: np.ndarray


class Objective:
    """The penalised observed likelihood of one design under one set of weights.

    Args:
        weights: (observations,) at least 0; 0 leaves an observation out.
        penalty: (features,) what half the square of each coefficient costs.
    """

    def __init__(
        self, likelihood: JunctionLikelihood, weights: np.ndarray, penalty: np.ndarray
    ) -> None:
        self.likelihood = likelihood
        self.weights = weights
        self.penalty = penalty

    def value(self, b: np.ndarray) -> float:
        """The observed negative log likelihood with the penalty."""
        return self.likelihood.observed(b, self.weights)[0] + self._penalty(b)

    def gradient(self, b: np.ndarray) -> np.ndarray:
        """(features,) its gradient."""
        return self.likelihood.gradient(b, self.weights)[1] + self.penalty * b

    def hessian(self, b: np.ndarray) -> np.ndarray:
        """(features, features) its Hessian."""
        return self._point(self._expect(b)).hessian

    def iterate(self, start: np.ndarray, method: Method) -> Iterator[Iteration]:
        """Where a fit by this method leads, `start` first; goes on from any of them as from here.

        Args:
            method: `em`; `squarem`, EM with extrapolation (Varadhan and Roland 2008); `direct`.
        """
        if method == "direct":
            seen: list[_Expectation] = []

            def point(b: np.ndarray) -> Point:
                seen[:] = [self._expect(b)]
                return self._point(seen[0])

            for _ in descend(self.value, point, start):
                yield seen[0].where
            return
        b = np.asarray(start, float)
        while True:
            step = self._expect(b)
            yield step.where
            once = self._maximise(step)
            b = self._extrapolate(b, once) if method == "squarem" else once

    def _expect(self, b: np.ndarray) -> _Expectation:
        loss, shares = self.likelihood.observed(b, self.weights)
        full = self.likelihood.complete(b, shares)
        gradient = full.gradient + self.penalty * b
        where = Iteration(b, loss, full.value, float(np.linalg.norm(gradient)))
        return _Expectation(where, shares, gradient, full.hessian + np.diag(self.penalty))

    def _point(self, step: _Expectation) -> Point:
        b = step.where.b
        missing = self.likelihood.missing_information(b, step.shares)
        return Point(step.where.loss + self._penalty(b), step.gradient, step.hessian - missing)

    def _maximise(self, step: _Expectation) -> np.ndarray:
        """The M step: (features,) coefficients that fit the candidates as they are dealt."""

        def value(b: np.ndarray) -> float:
            return self.likelihood.complete_value(b, step.shares) + self._penalty(b)

        def point(b: np.ndarray) -> Point:
            if b is step.where.b:
                return Point(step.where.q + self._penalty(b), step.gradient, step.hessian)
            full = self.likelihood.complete(b, step.shares)
            return Point(
                full.value + self._penalty(b),
                full.gradient + self.penalty * b,
                full.hessian + np.diag(self.penalty),
            )

        return minimise(value, point, step.where.b, tolerance=_M_TOLERANCE, max_steps=_M_STEPS)

    def _extrapolate(self, b: np.ndarray, once: np.ndarray) -> np.ndarray:
        """The end of one SQUAREM cycle (scheme S3), or plain EM's where that is lower."""
        twice = self._maximise(self._expect(once))
        first, second = once - b, twice - 2 * once + b
        size = float(np.linalg.norm(second))
        length = float(np.linalg.norm(first)) / size if size else 0.0
        if length <= 1:
            return twice
        far = b + 2 * length * first + length**2 * second
        value = self.value(far)
        return far if np.isfinite(value) and value <= self.value(twice) else twice

    def _penalty(self, b: np.ndarray) -> float:
        return float(0.5 * (self.penalty * b**2).sum())


def fit(
    objective: Objective,
    start: np.ndarray,
    method: Method = "direct",
    *,
    tolerance: float = 1e-9,
    max_iterations: int = 500,
) -> Iterator[Iteration]:
    """`Objective.iterate` until the gradient's norm is at most `tolerance`, or NaN."""
    for count, where in enumerate(objective.iterate(start, method)):
        yield where
        if not where.gradient_norm > tolerance or count == max_iterations:
            return


def refine(
    objective: Objective, start: np.ndarray, hessian: np.ndarray, tolerance: float = 1e-9
) -> np.ndarray:
    """(features,) the optimum near `start`, by steps of one Hessian that is about right there.

    For fits to weights that differ little, such as those of a bootstrap: only gradients are
    computed. Where that does not converge, Newton's own steps go on.
    """
    inverse = np.linalg.inv(hessian)
    b, before = start, np.inf
    for _ in range(_MOST_REFINEMENTS):
        gradient = objective.gradient(b)
        norm = float(np.linalg.norm(gradient))
        if norm <= tolerance:
            return b
        if not norm < 0.7 * before:
            break
        before = norm
        b = b - inverse @ gradient
    for where in fit(objective, start, tolerance=tolerance):
        b = where.b
    return b
