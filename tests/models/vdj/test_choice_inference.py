"""Hessian and scores of a conditional logit model, against differences of its likelihood."""

from __future__ import annotations

import numpy as np
import pytest

from distrib.models.vdj.choice_inference import hessian, set_scores
from distrib.models.vdj.choice_losses import mean_loss
from distrib.models.vdj.conditional_logit import log_probabilities

RNG = np.random.default_rng(0)
X = RNG.normal(size=(5, 4, 3))
W = RNG.random((5, 4)) * 10
B = np.array([0.3, -0.7, 0.1])
STEP = 1e-4


def loss(b: np.ndarray) -> float:
    return mean_loss(log_probabilities(X, b), W)


def test_hessian_is_the_second_difference_of_the_loss() -> None:
    steps = STEP * np.eye(3)
    expected = [
        [
            (loss(B + i + j) - loss(B + i - j) - loss(B - i + j) + loss(B - i - j)) / (4 * STEP**2)
            for j in steps
        ]
        for i in steps
    ]
    assert hessian(X, W, B) == pytest.approx(np.array(expected), abs=1e-6)


def test_scores_add_up_to_the_gradient() -> None:
    shares = W.sum(axis=1) / W.sum()
    steps = STEP * np.eye(3)
    expected = [-(loss(B + i) - loss(B - i)) / (2 * STEP) for i in steps]
    assert shares @ set_scores(X, W, B) == pytest.approx(expected, abs=1e-7)


def test_a_set_without_weight_says_nothing() -> None:
    weights = W.copy()
    weights[2] = 0
    assert np.array_equal(set_scores(X, weights, B)[2], np.zeros(3))
    rest = [0, 1, 3, 4]
    assert hessian(X, weights, B) == pytest.approx(hessian(X[rest], W[rest], B))
