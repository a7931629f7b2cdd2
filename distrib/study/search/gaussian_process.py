"""A Gaussian process over configurations: Matern 5/2, a length scale per dimension, noise.

Formulas: Rasmussen and Williams, Gaussian Processes for Machine Learning (2006), 2.25, 2.26, 4.17,
5.8 and 5.9; the logarithm of expected improvement: Ament et al. 2023, arXiv:2310.20708.
"""

from __future__ import annotations

import math

import numpy as np
from scipy.linalg import cho_factor, cho_solve
from scipy.optimize import minimize
from scipy.special import erfcx

STEPS = 30  # of the optimiser that fits the parameters

# Parameters are logarithms: a length scale per dimension, the signal's variance, the noise's. Each
# has a normal prior, (mean, deviation): values have variance 1, a range has length 1.
LENGTH = (math.log(0.8), 0.8)
SIGNAL = (0.0, 1.0)
NOISE = (math.log(0.05), 1.0)


class GaussianProcess:
    """What the values of trials say of all configurations, with the most probable parameters.

    Args:
        points: (trials, dimensions).
        values: (trials,) with mean 0 and variance 1.
        variance: (trials,) of each value, beside the noise that all have.
        choices: (dimensions,) whether a column numbers choices, of which any two are 1 apart.
    """

    def __init__(
        self, points: np.ndarray, values: np.ndarray, variance: np.ndarray, choices: np.ndarray
    ) -> None:
        self.points, self.values, self.variance, self.choices = points, values, variance, choices
        self.parameters = self._fit()
        self._solve()

    def predict(self, points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Mean and deviation, (n,) each, at (n, dimensions), without the noise of a trial."""
        kernel, *_ = self._kernel(points, self.parameters)
        mean = kernel @ self._weights
        explained = ((kernel @ self._inverse) * kernel).sum(1)
        return mean, np.sqrt(np.maximum(math.exp(self.parameters[-2]) - explained, 1e-12))

    def believe(self, points: np.ndarray) -> None:
        """Take for observed, at (n, dimensions), what is expected there: trials that still run."""
        mean, _ = self.predict(points)
        self.points = np.concatenate([self.points, points])
        self.values = np.concatenate([self.values, mean])
        self.variance = np.concatenate([self.variance, np.zeros(len(points))])
        self._solve()

    def log_improvement(self, points: np.ndarray, best: float) -> np.ndarray:
        """(n,) logarithm of the expected improvement over `best` at (n, dimensions)."""
        mean, deviation = self.predict(points)
        return np.log(deviation) + log_improvement((mean - best) / deviation)

    def negative_log_posterior(self, parameters: np.ndarray) -> tuple[float, np.ndarray]:
        """Of the parameters, up to a constant, and its gradient."""
        kernel, squares, slope = self._kernel(self.points, parameters)
        noise = math.exp(parameters[-1])
        factor = cho_factor(kernel + np.diag(noise + self.variance), lower=True)
        weights = cho_solve(factor, self.values)
        inverse = cho_solve(factor, np.eye(len(self.values)))
        outer = (inverse - np.outer(weights, weights)) / 2
        gradient = np.empty(len(parameters))
        gradient[:-2] = np.einsum("ij,ijk->k", outer * slope, squares)
        gradient[-2] = (outer * kernel).sum()
        gradient[-1] = noise * np.trace(outer)
        fit = self.values @ weights / 2 + np.log(np.diag(factor[0])).sum()
        away = (parameters - self._prior[0]) / self._prior[1]
        return fit + away @ away / 2, gradient + away / self._prior[1]

    @property
    def _prior(self) -> tuple[np.ndarray, np.ndarray]:
        means, deviations = zip(*[LENGTH] * len(self.choices), SIGNAL, NOISE)
        return np.array(means), np.array(deviations)

    def _fit(self) -> np.ndarray:
        mean, deviation = self._prior
        found = minimize(
            self.negative_log_posterior,
            mean,
            jac=True,
            method="L-BFGS-B",
            bounds=np.stack([mean - 5 * deviation, mean + 5 * deviation], 1),
            options={"maxiter": STEPS},
        )
        return found.x

    def _solve(self) -> None:
        kernel, *_ = self._kernel(self.points, self.parameters)
        noise = math.exp(self.parameters[-1]) + self.variance
        factor = cho_factor(kernel + np.diag(noise), lower=True)
        self._weights = cho_solve(factor, self.values)
        self._inverse = cho_solve(factor, np.eye(len(noise)))

    def _kernel(
        self, points: np.ndarray, parameters: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """The kernel between (n, dimensions) and the trials, and what its derivatives consist of.

        Returns:
            (n, trials) the kernel; (n, trials, dimensions) squared distances in length scales;
            (n, trials) what these are multiplied by in the derivative by a log length scale.
        """
        apart = points[:, None] - self.points
        apart = np.where(self.choices, apart != 0, apart)
        squares = (apart * np.exp(-parameters[:-2])) ** 2
        r = np.sqrt(5 * squares.sum(2))
        decay = math.exp(parameters[-2]) * np.exp(-r)
        return decay * (1 + r + r**2 / 3), squares, decay * (1 + r) * 5 / 3


def log_improvement(u: np.ndarray) -> np.ndarray:
    """The logarithm of E max(0, u + z) for a standard normal z, accurate however small it is."""
    u = np.asarray(u, float)
    middle, low = np.clip(u, -1, 30), np.clip(-u, 1, 1e3)
    plain = _density(middle) * (1 + _below(middle))
    tail = -(u**2) / 2 - math.log(2 * math.pi) / 2
    tail += np.where(u > -1e3, np.log1p(_below(-low)), -2 * np.log(np.maximum(-u, 1)))
    return np.where(u > -1, np.log(np.where(u > 30, np.maximum(u, 1), plain)), tail)


def _density(u: np.ndarray) -> np.ndarray:
    return np.exp(-(u**2) / 2) / math.sqrt(2 * math.pi)


def _below(u: np.ndarray) -> np.ndarray:
    """u times the normal distribution function over the density; u up to 30."""
    return u * math.sqrt(math.pi / 2) * erfcx(-u / math.sqrt(2))
