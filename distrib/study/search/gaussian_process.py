"""A Gaussian process: Matern 5/2, a length scale per dimension, noise.

Formulas: Rasmussen and Williams, Gaussian Processes for Machine Learning (2006), 2.25, 2.26, 4.17,
5.8 and 5.9; the logarithm of expected improvement: Ament et al. 2023, arXiv:2310.20708.
"""

from __future__ import annotations

import math

import numpy as np
from scipy.linalg.lapack import dpotrf, dpotri
from scipy.optimize import minimize
from scipy.special import erfcx

STEPS = 30  # of the optimiser that fits the parameters
FITTED = 100  # so many of the values, drawn from all, tell the parameters; the rest is by all

# Parameters are logarithms: a length scale per dimension, the signal's variance, the noise's. Each
# has a normal prior, (mean, deviation): values have variance 1, a range has length 1.
LENGTH = (math.log(1.5), 1.0)
SIGNAL = (0.0, 1.0)
NOISE = (math.log(0.03), 1.0)


class GaussianProcess:
    """What values say of all places, with the most probable parameters.

    Args:
        points: (n, dimensions).
        values: (n,) with mean 0 and variance 1.
        choices: (dimensions,) how many choices a column numbers (-1: none of them), of which any
            two are 1 apart; 0 for a range.
    """

    def __init__(self, points: np.ndarray, values: np.ndarray, choices: np.ndarray) -> None:
        self.choices = choices
        self.values = values
        # A choice becomes as many columns as there are, so that all distances are Euclidean.
        self._owner = np.repeat(np.arange(len(choices)), np.where(choices, choices + 1, 1))
        self._columns = self._spread(points)
        means, deviations = zip(*[LENGTH] * len(choices), SIGNAL, NOISE)
        self._prior = np.array(means), np.array(deviations)
        rows = np.random.default_rng(0).permutation(len(values))[:FITTED]
        self._fitted = self._columns[rows], values[rows]
        self.parameters = self._fit()
        self._solve()

    def predict(self, points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Mean and deviation, (m,) each, at (m, dimensions), without the noise of a value."""
        kernel = self.kernel(points)
        mean = kernel @ self._weights
        explained = ((kernel @ self._inverse) * kernel).sum(1)
        return mean, np.sqrt(np.maximum(math.exp(self.parameters[-2]) - explained, 1e-12))

    def believe(self, points: np.ndarray) -> None:
        """Take for observed, at (m, dimensions), what is expected there: trials that still run."""
        mean, _ = self.predict(points)
        self.values = np.concatenate([self.values, mean])
        self._columns = np.concatenate([self._columns, self._spread(points)])
        self._solve()

    def log_improvement(self, points: np.ndarray, best: float) -> np.ndarray:
        """(m,) logarithm of the expected improvement over `best` at (m, dimensions)."""
        mean, deviation = self.predict(points)
        return np.log(deviation) + log_improvement((mean - best) / deviation)

    def kernel(self, points: np.ndarray) -> np.ndarray:
        """(m, n) between (m, dimensions) and what was observed."""
        scales = self._scales(self.parameters)
        r = _distances(self._spread(points) * scales, self._columns * scales)
        return math.exp(self.parameters[-2]) * _matern(r)

    def negative_log_posterior(self, parameters: np.ndarray) -> tuple[float, np.ndarray]:
        """Of the parameters by what they are fitted to, up to a constant, and its gradient."""
        signal, noise = np.exp(parameters[-2:])
        columns, values = self._fitted
        scaled = columns * self._scales(parameters)
        r = _distances(scaled, scaled)
        kernel = signal * _matern(r)
        inverse, log_root = _inverse(kernel, noise)
        weights = inverse @ values
        outer = (inverse - np.outer(weights, weights)) / 2
        # The derivative by a log length scale is that of the squared distances, of which
        # sum_ij s_ij (a_i - a_j)^2 is 2 sum_i a_i (a_i sum_j s_ij - sum_j s_ij a_j).
        slope = outer * signal * np.exp(-r) * (1 + r) * 5 / 3
        by_column = 2 * (scaled * (scaled * slope.sum(1)[:, None] - slope @ scaled)).sum(0)
        gradient = np.empty(len(parameters))
        gradient[:-2] = np.bincount(self._owner, by_column)
        gradient[-2] = (outer * kernel).sum()
        gradient[-1] = noise * np.trace(outer)
        away = (parameters - self._prior[0]) / self._prior[1]
        value = values @ weights / 2 + log_root + away @ away / 2
        return value, gradient + away / self._prior[1]

    def _fit(self) -> np.ndarray:
        mean, deviation = self._prior
        found = minimize(
            self.negative_log_posterior,
            mean,
            jac=True,
            method="L-BFGS-B",
            bounds=np.stack([mean - 5 * deviation, mean + 5 * deviation], 1),
            options={"maxiter": STEPS, "ftol": 1e-5},
        )
        return found.x

    def _solve(self) -> None:
        scaled = self._columns * self._scales(self.parameters)
        r = _distances(scaled, scaled)
        signal, noise = np.exp(self.parameters[-2:])
        self._inverse, _ = _inverse(signal * _matern(r), noise)
        self._weights = self._inverse @ self.values

    def _scales(self, parameters: np.ndarray) -> np.ndarray:
        """(columns,) what their distances are multiplied by."""
        return np.exp(-parameters[:-2])[self._owner]

    def _spread(self, points: np.ndarray) -> np.ndarray:
        """(m, columns) of (m, dimensions): each choice a column, any two of them 1 apart."""
        columns = points[:, self._owner]
        first = np.searchsorted(self._owner, self._owner)
        chosen = columns == np.arange(len(self._owner)) - first - 1
        return np.where(self.choices[self._owner] > 0, chosen / math.sqrt(2), columns)


def _distances(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """(m, n) sqrt(5) times the distances of (m, columns) and (n, columns)."""
    squares = (a**2).sum(1)[:, None] + (b**2).sum(1) - 2 * a @ b.T
    if a is b:
        np.fill_diagonal(squares, 0)
    return np.sqrt(5 * np.maximum(squares, 0))


def _matern(r: np.ndarray) -> np.ndarray:
    """The Matern 5/2 correlation at sqrt(5) times a distance."""
    return np.exp(-r) * (1 + r + r**2 / 3)


def _inverse(kernel: np.ndarray, noise: float) -> tuple[np.ndarray, float]:
    """(n, n) the inverse of a kernel with noise, and half the logarithm of its determinant."""
    factor, failed = dpotrf(kernel + noise * np.eye(len(kernel)), lower=1)
    if failed:
        raise np.linalg.LinAlgError("a kernel that is not positive definite")
    lower, _ = dpotri(factor, lower=1)
    inverse = np.tril(lower) + np.tril(lower, -1).T
    return inverse, float(np.log(np.diag(factor)).sum())


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
