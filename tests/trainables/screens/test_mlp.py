"""The MLP head: folds at once are folds in turn, golden figures, and what it refuses."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np
import pytest

from distrib.data.screens.scoring import metrics
from distrib.data.screens.screen import Screen
from distrib.data.splits import holdout
from distrib.errors import InputError
from distrib.models.screens import folds as folds_module
from distrib.trainables.base import Progress, State, Worker
from distrib.trainables.screens.base import ScreenSource, folds_of
from distrib.trainables.screens.mlp.config import MlpConfig
from distrib.trainables.screens.mlp.family import Mlp
from distrib.trainables.screens.mlp.task import MlpTask
from distrib.trainables.training import loop as torch_loop
from distrib.trainables.training.config import Recipe
from distrib.trainables.training.loop import train

FAMILY, WORKER = Mlp(), Worker()
GOOD = MlpConfig(
    hidden_width=400,
    num_layers=2,
    dropout=0.6,
    learning_rate=1.5e-3,
    weight_decay=0.3,
    loss="cross_entropy",
)
"""A configuration such as a search of 60 trials finds."""


@cache
def real() -> Screen:
    return FAMILY.load(ScreenSource())


def screen(rows: int = 61, missing: float = 0.0, distributions: bool = True) -> Screen:
    """Profiles that depend on their inputs, in folds of 5, 12, 20 and the rest of the rows."""
    rng = np.random.default_rng(0)
    inputs = rng.normal(2, 3, size=(rows, 6)).astype(np.float32)
    targets = np.exp(np.tanh(inputs @ rng.normal(size=(6, 4))))
    if distributions:
        targets /= targets.sum(axis=1, keepdims=True)
    targets[rng.random(targets.shape) < missing] = np.nan
    return Screen(
        ids=np.array([f"row{i}" for i in range(rows)]),
        inputs=inputs,
        targets=targets.astype(np.float32),
        columns=np.array(list("abcd")),
        groups=np.arange(rows),
        folds=rng.permutation(np.repeat(np.arange(4), [5, 12, 20, rows - 37])),
    )


def small(**values: Any) -> MlpConfig:
    given = {"hidden_width": 12, "batch_size": 8, "epochs": 6, "dropout": 0.3, **values}
    return MlpConfig.model_validate(given)


CONFIGS = [
    {},
    {"loss": "cross_entropy", "activation": "gelu"},
    {"norm": "batch", "schedule": "one-cycle", "activation": "tanh"},
    {"norm": "layer", "loss": "cross_entropy", "activation": "silu"},
    {"schedule": "plateau", "epochs": 30, "learning_rate": 0.03, "dropout": 0.0},
    {"schedule": "constant", "warmup": 0.2, "accumulate": 2, "num_layers": 3},
    {"clip_norm": 0.01, "weight_decay": 1.0, "norm": "batch", "loss": "cross_entropy"},
]


@pytest.mark.parametrize("missing", [0.0, 0.2])
@pytest.mark.parametrize("values", CONFIGS, ids=str)
def test_folds_at_once_are_folds_in_turn(values: dict[str, Any], missing: float) -> None:
    config, data = small(**values), screen(missing=missing)
    parts = folds_of(config, data)
    at_once = MlpTask(config, data, WORKER, parts)
    plateau = [item.state() for item in train(at_once, Recipe.of(config, Mlp.metrics), WORKER)][-1]
    together, _ = at_once.predict_held_out()
    factors = []
    for fold, part in enumerate(parts):
        alone = MlpTask(config, data, WORKER, parts, only=[fold])
        last = [item.state() for item in train(alone, Recipe.of(config, Mlp.metrics), WORKER)][-1]
        factors.append(last.arrays["plateau.factor"][0])
        predicted, _ = alone.predict_held_out()
        np.testing.assert_allclose(together[part], predicted[part], atol=1e-5)
        assert np.isnan(np.delete(predicted, part, axis=0)).all()
    np.testing.assert_array_equal(plateau.arrays["plateau.factor"], factors)
    if config.schedule == "plateau":
        assert len(set(factors)) > 1, "every fold met the same plateaus: nothing was tested"


def test_folds_at_once_are_folds_in_turn_on_the_real_profiles() -> None:
    config = MlpConfig(hidden_width=64, epochs=10)
    parts = folds_of(config, real())
    at_once = MlpTask(config, real(), WORKER, parts)
    scores = [item.metrics for item in train(at_once, Recipe.of(config, Mlp.metrics), WORKER)]
    together, _ = at_once.predict_held_out()
    in_turn = np.empty_like(together)
    for fold, part in enumerate(parts):
        alone = MlpTask(config, real(), WORKER, parts, only=[fold])
        list(train(alone, Recipe.of(config, Mlp.metrics), WORKER))
        in_turn[part] = alone.predict_held_out()[0][part]
    np.testing.assert_allclose(together, in_turn, atol=1e-5)
    assert scores[-1] is not None
    mean = metrics.summary(in_turn, real().targets, np.zeros(17))["pearson"]
    assert scores[-1]["pearson"] == pytest.approx(mean, abs=1e-5)


def run(config: MlpConfig, data: Screen, state: State | None = None) -> list[tuple[Any, State]]:
    items = FAMILY.progress(config, data, WORKER, state)
    return [((item.fidelity, item.metrics, item.train), item.state()) for item in items]


@pytest.mark.parametrize("values", CONFIGS, ids=str)
def test_goes_on_bitwise_from_any_state(
    values: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch_loop, "CHANCE_EVERY", -1.0)
    monkeypatch.setattr(folds_module, "BLOCK_NUMBERS", 300)
    config, data = small(**{**values, "epochs": 4}), screen(missing=0.1)
    whole = run(config, data)
    assert len(whole) > config.epochs, "no state amid an epoch"
    for i in range(0, len(whole), 3):
        rest = run(config, data, whole[i][1])
        assert [row for row, _ in rest] == [row for row, _ in whole[i + 1 :]]
        if rest:
            found, expected = rest[-1][1], whole[-1][1]
            assert all(np.array_equal(found.arrays[k], v) for k, v in expected.arrays.items())


def test_scores_pool_the_rows_of_all_folds() -> None:
    data, config = screen(missing=0.1), small()
    task = MlpTask(config, data, WORKER, folds_of(config, data))
    *_, last = train(task, Recipe.of(config, Mlp.metrics), WORKER)
    predicted, _ = task.predict_held_out()
    reference = np.empty_like(predicted)
    for part in folds_of(config, data):
        reference[part] = np.nanmean(np.delete(data.targets, part, axis=0), axis=0)
    expected = metrics.summary(predicted, data.targets, reference)
    assert last.metrics is not None
    for name, value in expected.items():
        assert last.metrics[name] == pytest.approx(value, abs=1e-6), name


def test_the_best_known_data_are_learned() -> None:
    """A linear map is found, whatever the scale of inputs and targets."""
    rng = np.random.default_rng(0)
    inputs = (1000 + 50 * rng.normal(size=(300, 5))).astype(np.float32)
    targets = (inputs @ rng.normal(size=(5, 6)) * 1e3 + 1e6).astype(np.float32)
    rows = np.arange(300)
    data = Screen(rows.astype(str), inputs, targets, np.array(list("abcdef")), rows)
    config = MlpConfig(hidden_width=64, dropout=0.0, epochs=40, learning_rate=5e-3)
    *_, last = FAMILY.progress(config, data, WORKER)
    assert last.metrics is not None
    assert last.metrics["delta_pearson"] > 0.98


def refitted(config: MlpConfig, data: Screen, units: int | None = None) -> State:
    *_, last = FAMILY.refit(config, data, WORKER, units)
    return last.state()


def test_a_refit_uses_every_row() -> None:
    data, config = screen(), small()
    state = refitted(config, data, 3)
    np.testing.assert_allclose(
        state.arrays["model.input_mean"][0, 0], data.inputs.mean(0), rtol=1e-5
    )
    assert state.values["epoch"] == 3
    for row in (0, 30, 60):
        changed = data.targets.copy()
        changed[row] = changed[row, ::-1]
        other = refitted(config, replace(data, targets=changed), 3)
        assert not np.array_equal(other.arrays["model.weights.0"], state.arrays["model.weights.0"])


def test_judges_what_it_predicts() -> None:
    data, config = screen(missing=0.2), small()
    state = refitted(config, data)
    frame = FAMILY.predict(config, state, replace(data, targets=None), WORKER)
    assert frame.columns.tolist() == ["id", "a", "b", "c", "d"]
    assert frame["id"].tolist() == data.ids.tolist()
    figures = FAMILY.evaluate(config, state, data, WORKER)
    mean = np.nanmean(data.targets, axis=0)
    expected = metrics.summary(frame.iloc[:, 1:].to_numpy(), data.targets, mean)
    assert {k: figures[k] for k in expected} == pytest.approx(expected, abs=1e-6)
    reported = {m.name for m in (*FAMILY.metrics, *FAMILY.finished)}
    assert set(figures) == reported - {"auroc", "auprc", "de_overlap"}  # nobody named responders
    rows = FAMILY.evaluate_rows(config, state, data, WORKER)
    assert rows["pearson"].mean() == pytest.approx(figures["pearson"])


def test_columns_in_another_order_are_told_apart_by_name() -> None:
    data, config = screen(), small()
    state = refitted(config, data)
    order = [2, 0, 3, 1]
    turned = replace(data, targets=data.targets[:, order], columns=data.columns[order])
    expected = FAMILY.evaluate(config, state, data, WORKER)
    assert FAMILY.evaluate(config, state, turned, WORKER) == pytest.approx(expected)


def test_probabilities_sum_to_one() -> None:
    data, config = screen(), small(loss="cross_entropy")
    frame = FAMILY.predict(config, refitted(config, data), data, WORKER)
    np.testing.assert_allclose(frame.iloc[:, 1:].sum(axis=1), 1, atol=1e-6)


def test_bfloat16_is_near_float32() -> None:
    data, config = screen(), small()
    whole, half = (
        [item.metrics for item in FAMILY.progress(config, data, Worker(precision=p))][-1]
        for p in ("float32", "bfloat16")
    )
    assert whole is not None and half is not None
    assert whole["rmse"] != half["rmse"]
    assert half["rmse"] == pytest.approx(whole["rmse"], rel=0.05)


def test_a_fold_without_a_measurement_of_a_column_goes_on() -> None:
    data, config = screen(), small()
    targets = data.targets.copy()
    targets[data.folds != 0, 2] = np.nan
    *_, last = FAMILY.progress(config, replace(data, targets=targets), WORKER)
    assert last.metrics is not None
    assert all(np.isfinite(value) for value in last.metrics.values())


def first(config: MlpConfig, data: Screen) -> Progress:
    return next(iter(FAMILY.progress(config, data, WORKER)))


def test_refuses_cross_entropy_of_what_are_no_distributions() -> None:
    config, data = small(loss="cross_entropy"), screen()
    with pytest.raises(InputError, match=r"row row0: .*\n.*sum to"):
        first(config, replace(screen(distributions=False)))
    targets = data.targets.copy()
    targets[7, 1] = -0.5
    with pytest.raises(InputError, match=r"row row7, column b: .*negative"):
        first(config, replace(data, targets=targets))


def test_refuses_inputs_and_targets_of_another_model() -> None:
    data, config = screen(), small()
    state = refitted(config, data, 1)
    narrow = replace(data, inputs=data.inputs[:, :5])
    with pytest.raises(InputError, match=r"5 inputs a row\n.*6 inputs a row"):
        FAMILY.predict(config, state, narrow, WORKER)
    renamed = replace(data, columns=np.array(["a", "b", "c", "x"]))
    with pytest.raises(InputError, match="lacks 1: d; has beside them 1: x"):
        FAMILY.evaluate(config, state, renamed, WORKER)
    with pytest.raises(InputError, match="no targets"):
        FAMILY.evaluate(config, state, replace(data, targets=None), WORKER)
    with pytest.raises(InputError, match="one fold"):
        first(config, replace(data, folds=np.zeros(len(data), dtype=np.int64)))


def test_baselines_are_those_published() -> None:
    found = FAMILY.baselines(GOOD, real(), None, WORKER)
    assert found["training mean"]["pearson"] == pytest.approx(0.621, abs=0.002)
    assert found["ridge"]["pearson"] == pytest.approx(0.694, abs=0.005)
    assert found["ridge, tuned"]["pearson"] > found["ridge"]["pearson"]
    assert found["training mean"]["delta_pearson"] == 0


def test_every_winner_has_the_same_baselines() -> None:
    rows, aside = screen().take(np.arange(50)), screen().take(np.arange(50, 61))
    one = FAMILY.baselines(small(seed=1), rows, aside, WORKER)
    other = FAMILY.baselines(small(seed=2, hidden_width=5, accumulate=2), rows, aside, WORKER)
    assert one == other
    assert "test/pearson" in one["untuned (256, 128)"]


def test_golden_out_of_fold_score() -> None:
    scores = [item.metrics["pearson"] for item in FAMILY.progress(GOOD, real(), WORKER)]
    assert len(scores) == 60
    assert scores[0] > 0.621, "one epoch is better than the mean profile"
    assert max(scores) >= 0.72


@pytest.mark.exhaustive
def test_golden_scores_beside_a_test_part() -> None:
    rest, aside = holdout(real().groups, 0.15, seed=0)
    data, test = real().take(rest), real().take(aside)
    scores = [item.metrics["pearson"] for item in FAMILY.progress(GOOD, data, WORKER)]
    baselines = FAMILY.baselines(GOOD, data, test, WORKER)
    assert max(scores) >= baselines["ridge"]["pearson"] + 0.03
    assert max(scores) >= baselines["ridge, tuned"]["pearson"]
    state = refitted(GOOD, data, int(np.argmax(scores)) + 1)
    figures = FAMILY.evaluate(GOOD, state, test, WORKER)
    assert figures["pearson"] > baselines["ridge"]["test/pearson"]
    assert figures["pearson"] > baselines["ridge, tuned"]["test/pearson"]
