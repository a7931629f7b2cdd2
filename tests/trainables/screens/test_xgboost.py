"""Boosted trees: XGBoost's own training as the reference, early stopping, missing targets."""

from __future__ import annotations

import sys
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from distrib.data.screens.screen import Screen
from distrib.errors import InputError
from distrib.trainables.base import Worker
from distrib.trainables.screens.xgboost.boosting import Boosting
from distrib.trainables.screens.xgboost.config import XgboostConfig
from distrib.trainables.screens.xgboost.family import Xgboost
from tests.support.small_screens import GENES, ROWS, small_screen

xgboost = pytest.importorskip("xgboost")

FAMILY, WORKER = Xgboost(), Worker()
TRAIN, HELD = np.arange(30), np.arange(30, ROWS)


def config(**values: Any) -> XgboostConfig:
    return XgboostConfig.model_validate(values)


def boosted(values: XgboostConfig, data: Screen, stop: np.ndarray = HELD[:0]) -> Boosting:
    assert data.targets is not None
    forest = Boosting(
        values, data.inputs, data.targets, fit=TRAIN, stop=stop, worker=WORKER, seed=0
    )
    while forest.grown < values.rounds and forest.open.any():
        forest.grow()
    return forest


@pytest.mark.parametrize("forests", ["gene", "vector"])
def test_rounds_of_one_booster_each_are_one_training(forests: str) -> None:
    """Without draws, XGBoost's own training in one go gives the same predictions."""
    data = small_screen()
    assert data.targets is not None
    values = config(rounds=8, patience=0, subsample=1, colsample=1, forests=forests, sketch=0)
    mean = data.targets[TRAIN].mean(axis=0)
    theirs = xgboost.train(
        {
            "tree_method": "hist",
            "multi_strategy": "multi_output_tree" if forests == "vector" else "one_output_per_tree",
            "max_depth": values.max_depth,
            "learning_rate": values.learning_rate,
            "min_child_weight": values.min_child_weight,
            "reg_lambda": values.l2,
            "max_bin": values.max_bin,
            "base_score": 0.0,
        },
        xgboost.QuantileDMatrix(
            data.inputs[TRAIN], data.targets[TRAIN] - mean, max_bin=values.max_bin
        ),
        values.rounds,
    )
    expected = mean + theirs.predict(xgboost.DMatrix(data.inputs))
    forest = boosted(values, data)
    np.testing.assert_allclose(forest.predicted(np.arange(ROWS)), expected, rtol=1e-4, atol=1e-4)
    applied = forest.mean + forest.forest().predict(data.inputs, GENES)
    np.testing.assert_allclose(applied, expected, rtol=1e-4, atol=1e-4)


def test_each_gene_stops_where_its_inner_error_was_least() -> None:
    data = small_screen()
    assert data.targets is not None
    values = config(rounds=60, patience=5, learning_rate=0.5, colsample=1)
    forest = boosted(values, data, stop=HELD)
    assert len(set(forest.best_round.tolist())) > 2
    alone = boosted(values.model_copy(update={"patience": 0}), data)
    margins = np.stack(
        [
            alone.mean + _whole(alone).cut(np.full(GENES, rounds)).predict(data.inputs, GENES)
            for rounds in range(values.rounds + 1)
        ]
    )
    errors = np.square(margins[:, HELD] - data.targets[HELD]).mean(axis=1)
    for gene, best in enumerate(forest.best_round.tolist()):
        searched = errors[: best + values.patience + 1, gene]
        assert searched.min() == pytest.approx(errors[best, gene], rel=2e-3)
        np.testing.assert_allclose(
            forest.predicted(HELD)[:, gene], margins[best, HELD, gene], rtol=1e-4, atol=1e-4
        )


def _whole(forest: Boosting) -> Any:
    from distrib.models.trees.forest import joined

    return joined(forest.trees)


@pytest.mark.parametrize("forests", ["gene", "vector"])
def test_a_missing_target_weighs_nothing(forests: str) -> None:
    """A gene that is measured in some rows only is fitted like a training on those alone."""
    data = small_screen()
    assert data.targets is not None
    targets = data.targets[:, :1].copy()
    some = TRAIN[::2]
    targets[np.setdiff1d(TRAIN, some)] = np.nan
    partly = replace(data, targets=targets, columns=data.columns[:1])
    values = config(rounds=5, patience=0, colsample=1, max_bin=1024, forests=forests)
    found = boosted(values, partly).predicted(HELD)
    mean = targets[some].mean()
    theirs = xgboost.train(
        {
            "max_depth": values.max_depth,
            "learning_rate": values.learning_rate,
            "min_child_weight": values.min_child_weight,
            "reg_lambda": values.l2,
            "tree_method": "exact",
            "base_score": 0.0,
        },
        xgboost.DMatrix(data.inputs[some], targets[some] - mean),
        values.rounds,
    )
    expected = mean + theirs.predict(xgboost.DMatrix(data.inputs[some]))
    on_train = boosted(values, partly).predicted(some)[:, 0]
    np.testing.assert_allclose(on_train, expected, rtol=1e-4, atol=1e-4)
    assert np.isfinite(found).all()


def test_quantiles_are_taken_once_for_a_fold(monkeypatch: pytest.MonkeyPatch) -> None:
    made = []
    original = xgboost.QuantileDMatrix

    class Counted(original):  # type: ignore[misc,valid-type]
        def __init__(self, *args: Any, **kwargs: Any) -> None:
            made.append(1)
            super().__init__(*args, **kwargs)

    monkeypatch.setattr(xgboost, "QuantileDMatrix", Counted)
    items = list(FAMILY.progress(config(rounds=4), small_screen(), WORKER))
    assert items[-1].fidelity == 4
    assert len(made) == 4  # of four folds, whatever the genes and rounds


def test_predicting_needs_no_xgboost(monkeypatch: pytest.MonkeyPatch) -> None:
    data, values = small_screen(), config(rounds=3)
    *_, last = FAMILY.refit(values, data, WORKER, None)
    state = last.state()
    expected = FAMILY.predict(values, state, data, WORKER)
    monkeypatch.setitem(sys.modules, "xgboost", None)
    again = FAMILY.predict(values, state, data, WORKER)
    np.testing.assert_array_equal(again.iloc[:, 1:], expected.iloc[:, 1:])
    with pytest.raises(InputError, match=r"not installed(.|\n)*\[xgboost\]"):
        FAMILY.check(values, data)
