"""Trees: the nodes that are kept answer as the libraries that grew them."""

from __future__ import annotations

import numpy as np
import pytest

from distrib.data.behaviour.lags import lagged
from distrib.data.behaviour.sequences import cut
from distrib.data.behaviour.simulate import simulated_sessions
from distrib.trainables.behaviour.trees.config import TreesConfig
from distrib.trainables.behaviour.trees.growing import Bagged, Boosted, chances

CLASSES = 4


@pytest.fixture
def frames() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    inputs = rng.standard_normal((400, 6)).astype(np.float32).round(1)  # ties at the thresholds
    states = 1 + (inputs[:, 0] > 0) + (inputs[:, 1] > 0.3)
    return (
        inputs,
        states.astype(np.int64),
        rng.standard_normal((300, 6)).astype(np.float32).round(1),
    )


def test_a_forest_answers_as_scikit_learn(frames: tuple[np.ndarray, ...]) -> None:
    ensemble = pytest.importorskip("sklearn.ensemble")
    inputs, states, new = frames
    config = TreesConfig(trees_per_round=7)
    grower = Bagged(config, inputs, states, CLASSES, 1)
    expected = np.zeros((len(new), CLASSES))
    for round_ in range(2):
        grower.grow(round_)
        seed = int(np.random.SeedSequence([0, round_]).generate_state(1)[0])
        made = ensemble.RandomForestClassifier(
            n_estimators=7, criterion="entropy", max_features="sqrt", random_state=seed
        ).fit(inputs, states)
        expected[:, 1:] += made.predict_proba(new) / 2
    found = chances(config, grower.forest(), new, CLASSES)
    np.testing.assert_allclose(found, expected, atol=1e-6)
    again = Bagged(config, inputs, states, CLASSES, 1)
    again.restore(grower.arrays())
    np.testing.assert_array_equal(chances(config, again.forest(), new, CLASSES), found)


def test_boosted_trees_answer_as_xgboost(frames: tuple[np.ndarray, ...]) -> None:
    xgboost = pytest.importorskip("xgboost")
    inputs, states, new = frames
    config = TreesConfig(model_class="xgboost", trees_per_round=5)
    grower = Boosted(config, inputs, states, CLASSES, 1)
    for round_ in range(2):
        grower.grow(round_)
    assert grower.raw is not None
    booster = xgboost.Booster()
    booster.load_model(bytearray(grower.raw))
    found = chances(config, grower.forest(), new, CLASSES)
    np.testing.assert_allclose(found, booster.predict(xgboost.DMatrix(new)), atol=1e-5)
    assert booster.num_boosted_rounds() == 10


def test_lags_are_the_frames_beside() -> None:
    sessions = simulated_sessions(1, 60, 3)
    whole = sessions.tracks[0].rows(0, 60)
    found = lagged(cut(sessions, 25), 1, 2)
    assert found.shape == (25, 15)
    for place, lag in enumerate(range(-2, 3)):
        np.testing.assert_array_equal(
            found[:, 3 * place : 3 * place + 3], whole[25 + lag : 50 + lag]
        )
    assert not lagged(cut(sessions, 25), 0, 2)[0, :6].any()
    assert lagged(cut(sessions, 25), 0, 2, velocity=True).shape == (25, 30)
