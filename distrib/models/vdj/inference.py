"""How certain coefficients are: standard errors, tests, and comparisons of nested models."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from scipy import stats

FAR = 10.0  # nats: a coefficient beyond is on its way to infinity


def has_optimum(b: np.ndarray) -> np.ndarray:
    """(...,) bool whether coefficients (..., features) stand at a finite optimum, none beyond FAR.

    Where choices are separated the likelihood grows without bound, and a fit ends anywhere.
    """
    return (np.abs(b) <= FAR).all(axis=-1)


def covariance(inverse: np.ndarray, num_sequences: float) -> np.ndarray:
    """(features, features) of maximum likelihood estimates: H^-1 / N.

    Args:
        inverse: (features, features) of the Hessian H of the mean loss.
    """
    return inverse / num_sequences


def cluster_covariance(
    inverse: np.ndarray, scores: np.ndarray, weights: np.ndarray, clusters: np.ndarray
) -> np.ndarray:
    """(features, features) that holds where observations of a cluster depend on each other.

    The sandwich H^-1 B H^-1, with B the sum over clusters of the outer product of their scores,
    times C / (C - 1) (Liang and Zeger 1986).

    Args:
        inverse: of the Hessian of the mean loss. scores: (n, features) gradients of each ln P.
        weights: (n,) that sum to 1. clusters: (n,) integers from 0.
    """
    num = int(clusters.max()) + 1
    sums = np.zeros((num, scores.shape[1]))
    np.add.at(sums, clusters, weights[:, None] * scores)
    present = len(np.unique(clusters))
    correction = present / (present - 1) if present > 1 else np.nan
    return correction * inverse @ (sums.T @ sums) @ inverse


class Tests(NamedTuple):
    """(n,) z scores, two-sided p values, and those times the number of tests, at most 1."""

    z: np.ndarray
    p: np.ndarray
    adjusted: np.ndarray


def wald_tests(values: np.ndarray, errors: np.ndarray) -> Tests:
    """Whether values (n,) with standard errors (n,) differ from 0; adjusted after Bonferroni."""
    with np.errstate(divide="ignore", invalid="ignore"):
        z = values / errors
    p = 2 * stats.norm.sf(np.abs(z))
    return Tests(z, p, np.minimum(p * len(values), 1.0))


class RatioTest(NamedTuple):
    """Twice the difference of log likelihoods, degrees of freedom, and the p value."""

    statistic: float
    degrees: int
    p: float


def likelihood_ratio(full: float, nested: float, degrees: int) -> RatioTest:
    """Whether a model fits better than one nested in it (Wilks 1938).

    Args:
        full, nested: maximised log likelihoods of the same sequences.
        degrees: by how many free parameters they differ.
    """
    statistic = 2 * (full - nested)
    return RatioTest(statistic, degrees, float(stats.chi2.sf(max(statistic, 0.0), degrees)))
