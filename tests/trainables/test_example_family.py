"""The family to copy is right, and runs as its page says."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from sklearn.linear_model import Ridge as Reference

from distrib.data.screens.screen import Screen
from distrib.errors import InputError
from distrib.trainables import example_family
from distrib.trainables.base import Worker
from distrib.trainables.example_family import Ridge, RidgeConfig
from tests.support.example_page import PAGE, shown_space


@pytest.fixture
def screen() -> Screen:
    """Forty rows in twenty groups, five inputs of unequal means, three targets."""
    rng = np.random.default_rng(3)
    inputs = rng.normal(2.0, 1.0, (40, 5)).astype(np.float32)
    targets = inputs @ rng.normal(size=(5, 3)) + rng.normal(size=(40, 3)) + 7
    return Screen(
        ids=np.array([f"row_{i}" for i in range(40)]),
        inputs=inputs,
        targets=targets.astype(np.float32),
        columns=np.array(["a", "b", "c"]),
        groups=np.arange(40) // 2,
        folds=np.arange(40) // 2 % 4,
    )


@pytest.mark.parametrize("log_penalty", [-2.0, 1.0])
def test_it_is_ridge_regression(screen: Screen, log_penalty: float) -> None:
    family, config = Ridge(), RidgeConfig(log_penalty=log_penalty)
    (item,) = family.refit(config, screen, Worker(), None)
    frame = family.predict(config, item.state(), screen, Worker())
    x, y = screen.inputs.astype(np.float64), screen.targets
    expected = Reference(alpha=10**log_penalty).fit(x, y).predict(x)
    np.testing.assert_allclose(frame[["a", "b", "c"]], expected, rtol=1e-9)
    assert list(frame["id"]) == list(screen.ids)


def test_it_is_validated_on_the_data_s_own_folds(screen: Screen) -> None:
    assert screen.folds is not None and screen.targets is not None
    family, config = Ridge(), RidgeConfig()
    items = list(family.progress(config, screen, Worker()))
    squares: list[np.ndarray] = []
    for fold, item in enumerate(items):
        new = screen.folds == fold
        model = Reference(alpha=1.0).fit(screen.inputs[~new].astype(float), screen.targets[~new])
        squares.append((model.predict(screen.inputs[new].astype(float)) - screen.targets[new]) ** 2)
        assert item.metrics is not None
        found = item.metrics["rmse"]
        assert found == pytest.approx(np.sqrt(np.concatenate(squares).mean()), rel=1e-9)
    assert len(items) == family.budget(config, screen) == 4


def test_its_baseline_is_the_mean_of_other_rows(screen: Screen) -> None:
    assert screen.folds is not None and screen.targets is not None
    found = Ridge().baselines(RidgeConfig(), screen, screen.take(np.arange(9)), Worker())
    means = np.empty(screen.targets.shape)
    for fold in range(4):
        means[screen.folds == fold] = screen.targets[screen.folds != fold].mean(axis=0)
    assert found["training mean"] == {
        "rmse": pytest.approx(np.sqrt(((means - screen.targets) ** 2).mean())),
        "test/rmse": pytest.approx(
            np.sqrt(((screen.targets.mean(axis=0) - screen.targets[:9]) ** 2).mean())
        ),
    }


def test_a_missing_target_is_named(screen: Screen) -> None:
    assert screen.targets is not None
    targets = screen.targets.copy()
    targets[7, 1] = np.nan
    with pytest.raises(InputError, match="row_7, b: a target is missing"):
        Ridge().check(RidgeConfig(), replace(screen, targets=targets))


def test_it_is_short() -> None:
    code = Path(example_family.__file__).read_text(encoding="utf-8")
    body = code[code.index("class RidgeConfig") :].splitlines()
    assert len([line for line in body if line.strip()]) <= 100


def test_the_page_names_what_there_is() -> None:
    from distrib.trainables.capabilities import CAPABILITIES
    from distrib.trainables.registry import load_family

    assert type(load_family(shown_space()["trainable"], allow_custom=True)) is Ridge
    assert {c.__name__ for c in CAPABILITIES if f"`{c.__name__}`" not in PAGE} == set()
