"""Directions without a finite optimum, against the fit in which they were followed to the end."""

from __future__ import annotations

import numpy as np
import pytest

from distrib.models.vdj.choice_inference import hessian, set_scores
from distrib.models.vdj.choice_losses import mean_loss, normalised
from distrib.models.vdj.conditional_logit import fit, log_probabilities
from distrib.models.vdj.inference import cluster_covariance, covariance
from distrib.models.vdj.separation import inverse_beside, separated, touched

SETS, CHOICES, N = 40, 8, 4000


def choices(seed: int, never: bool) -> tuple[np.ndarray, np.ndarray]:
    """Counts of choices by two features, and of a third whose choices may never be made."""
    rng = np.random.default_rng(seed)
    features = rng.normal(size=(SETS, CHOICES, 3))
    features[:, :, 2] = rng.random((SETS, CHOICES)) < 0.3
    features[:, 0, 2] = 0
    utility = features @ [0.7, -0.4, -np.inf if never else -1.0] if not never else (
        features[:, :, :2] @ [0.7, -0.4] - 1e9 * features[:, :, 2])  # fmt: skip
    p = np.exp(utility - utility.max(axis=1, keepdims=True))
    p /= p.sum(axis=1, keepdims=True)
    return features, np.stack([rng.multinomial(N // SETS, row) for row in p]).astype(float)


def directions(features: np.ndarray, counts: np.ndarray, l2: float = 0.0) -> np.ndarray:
    b = fit(features, counts, l2=l2).coefficients
    penalty = l2 / counts.size * np.eye(len(b))

    def loss(at: np.ndarray) -> float:
        value = mean_loss(log_probabilities(features, at), normalised(counts))
        return value + 0.5 * float(at @ penalty @ at)

    own = hessian(features, counts, b) + penalty
    at_zero = hessian(features, counts, np.zeros(len(b))) + penalty
    return separated(own, at_zero, b, counts.sum(), loss)


@pytest.mark.parametrize("seed", range(5))
def test_a_feature_that_is_never_chosen_is_found(seed: int) -> None:
    found = directions(*choices(seed, never=True))
    assert found.shape == (3, 1)
    assert touched(np.eye(3), found).tolist() == [False, False, True]
    assert touched(np.array([[1.0, 1.0, 0.0], [1.0, 0.0, 1e-2], [0.0, 0.0, -1.0]]),
                   found).tolist() == [False, True, True]  # fmt: skip


@pytest.mark.parametrize("seed", range(5))
def test_a_finite_optimum_is_left_alone(seed: int) -> None:
    assert directions(*choices(seed, never=False)).shape[1] == 0
    features, counts = choices(seed, never=True)
    assert directions(features, counts, l2=1.0).shape[1] == 0  # a penalty mends it
    counts[0, np.argmax(features[0, :, 2])] += 1  # once is enough: far, and yet finite
    assert directions(features, counts).shape[1] == 0


def test_one_among_a_million_is_not_none() -> None:
    features, counts = choices(0, never=True)
    counts *= 1e6 / counts.sum()
    counts[0, np.argmax(features[0, :, 2])] += 1
    assert directions(features, np.round(counts)).shape[1] == 0


@pytest.mark.parametrize("rotation", [0, 1, 2])
def test_a_direction_across_features_is_found(rotation: int) -> None:
    """The same data in other coordinates: a sum of two features is what is never chosen."""
    features, counts = choices(3, never=True)
    change = np.linalg.qr(np.random.default_rng(rotation).normal(size=(3, 3)))[0]
    found = directions(features @ change, counts)
    assert found.shape == (3, 1)
    along = change.T[:, 2] / np.linalg.norm(change.T[:, 2])
    cosine = abs(found[:, 0] @ along) / np.linalg.norm(found)
    assert cosine == pytest.approx(1, abs=1e-6)


def test_other_errors_are_those_without_the_choices_that_are_never_made() -> None:
    """In the limit those choices have no probability: as if they did not exist."""
    features, counts = choices(1, never=True)
    b = fit(features, counts).coefficients
    found = directions(features, counts)
    inverse = inverse_beside(hessian(features, counts, b), found)
    scores, weights = set_scores(features, counts, b), counts.sum(axis=1) / counts.sum()
    clusters = np.arange(SETS) // 2
    rest = np.where(features[:, :, 2:] == 1, -1e9, 0.0)  # an offset, as a feature of weight 1
    mask = features[:, :, 2] == 0
    without = fit(features[:, :, :2], counts, mask=mask).coefficients
    np.testing.assert_allclose(b[:2], without, atol=1e-7)
    wide = np.concatenate([features[:, :, :2], rest], axis=2)
    c = np.append(without, 1.0)
    exact = np.linalg.inv(hessian(wide, counts, c)[:2, :2])
    of_exact = set_scores(wide, counts, c)[:, :2]
    np.testing.assert_allclose(covariance(inverse, N)[:2, :2], covariance(exact, N), rtol=1e-6)
    np.testing.assert_allclose(
        cluster_covariance(inverse, scores, weights, clusters)[:2, :2],
        cluster_covariance(exact, of_exact, weights, clusters),
        rtol=1e-6,
    )


def test_no_feature_has_no_direction() -> None:
    assert separated(np.zeros((0, 0)), np.zeros((0, 0)), np.zeros(0), 10, lambda b: 0.0).shape == (
        0, 0)  # fmt: skip
