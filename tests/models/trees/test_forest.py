"""Forests of arrays against the booster that grew them."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

from distrib.models.trees.forest import Forest, from_xgboost, joined

xgboost = pytest.importorskip("xgboost")

ROWS, INPUTS, TARGETS, ROUNDS = 80, 6, 3, 7
X = np.random.default_rng(0).standard_normal((ROWS, INPUTS)).astype(np.float32)
Y = np.stack([X[:, 0] * X[:, 1], np.sin(3 * X[:, 2]), X[:, 3] > 0], axis=1).astype(np.float32)


def booster(strategy: str, rounds: int = ROUNDS, targets: int = TARGETS) -> Any:
    options = {"tree_method": "hist", "multi_strategy": strategy, "max_depth": 3, "base_score": 0}
    return xgboost.train(options, xgboost.DMatrix(X, Y[:, :targets].squeeze()), rounds)


def forest_of(model: Any, targets: int = TARGETS) -> Forest:
    return from_xgboost(json.loads(bytes(model.save_raw("json"))), targets)


STRATEGIES = ["one_output_per_tree", "multi_output_tree"]


@pytest.mark.parametrize("strategy", STRATEGIES)
@pytest.mark.parametrize("targets", [TARGETS, 1])
def test_equals_the_booster(strategy: str, targets: int) -> None:
    model = booster(strategy, targets=targets)
    new = np.random.default_rng(1).standard_normal((500, INPUTS)).astype(np.float32)
    expected = model.predict(xgboost.DMatrix(new), output_margin=True).reshape(500, targets)
    found = forest_of(model, targets).predict(new, targets)
    np.testing.assert_allclose(found, expected, atol=1e-5)


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_a_cut_forest_is_one_of_fewer_rounds(strategy: str) -> None:
    model = booster(strategy)
    rounds = np.array([2, 0, 5])
    found = forest_of(model).cut(rounds).predict(X, TARGETS)
    for target, kept in enumerate(rounds.tolist()):
        expected = np.zeros(ROWS, dtype=np.float32)
        if kept:
            margins = model.predict(
                xgboost.DMatrix(X), output_margin=True, iteration_range=(0, kept)
            )
            expected = margins[:, target]
        np.testing.assert_allclose(found[:, target], expected, atol=1e-5)


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_joined_forests_add_up(strategy: str) -> None:
    parts = [forest_of(booster(strategy, rounds)) for rounds in (1, 4)]
    whole = joined(parts)
    assert len(whole.root) == sum(len(part.root) for part in parts)
    expected = sum(part.predict(X, TARGETS) for part in parts)
    np.testing.assert_allclose(whole.predict(X, TARGETS), expected, atol=1e-6)


def test_a_forest_without_trees_predicts_nothing() -> None:
    nothing = forest_of(booster(STRATEGIES[0])).nothing()
    assert not nothing.predict(X, TARGETS).any()
