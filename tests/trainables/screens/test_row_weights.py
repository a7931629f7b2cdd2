"""Weighed rows: plain weighted solves, repeated rows, XGBoost's own weights; unweighted scores."""

from __future__ import annotations

from dataclasses import replace
from itertools import product
from typing import Any

import numpy as np
import pytest
import torch

from distrib.data.screens.scoring import metrics
from distrib.data.screens.screen import Screen
from distrib.errors import InputError
from distrib.trainables.base import Worker
from distrib.trainables.registry import load_family
from distrib.trainables.screens.base import ScreenConfig, ScreenTrainable, folds_of
from distrib.trainables.screens.lel.config import LelConfig
from distrib.trainables.screens.lel.fit import LelFits
from distrib.trainables.screens.mlp.config import MlpConfig
from distrib.trainables.screens.mlp.task import MlpTask
from distrib.trainables.screens.pairs.config import MlpPairsConfig
from distrib.trainables.screens.pairs.task import PairsTask
from distrib.trainables.screens.row_weights import normalised, row_weights
from distrib.trainables.screens.xgboost.config import XgboostConfig
from distrib.trainables.screens.xgboost.family import grown
from tests.support.small_screens import CONFIGS, ROWS, small_screen

WORKER = Worker()
EVERY = np.arange(ROWS)
WHOLE = np.random.default_rng(3).integers(1, 5, size=ROWS)
"""Weights that are times of repetition."""


def family(name: str) -> ScreenTrainable[Any]:
    found = load_family(name)
    assert isinstance(found, ScreenTrainable)
    return found


def repeated(data: Screen, times: np.ndarray) -> Screen:
    return replace(data.take(np.repeat(np.arange(len(data)), times)), weights=None)


def given(weights: np.ndarray, missing: float = 0.0) -> Screen:
    return replace(small_screen(missing=missing), weights=weights.astype(np.float64))


# What a row weighs.


def test_what_a_row_weighs() -> None:
    data = given(WHOLE, missing=0.4)
    assert data.targets is not None
    assert row_weights("none", data) is None
    np.testing.assert_array_equal(row_weights("given", data), WHOLE)
    held = row_weights("held", data)
    assert held is not None and held.tolist() == [
        sum(np.isfinite(value) for value in row) for row in data.targets.tolist()
    ]
    assert normalised(held, EVERY[:7])[:7].mean() == pytest.approx(1)
    entries = np.isfinite(data.targets)
    of_entries = np.broadcast_to(normalised(held, EVERY, entries.sum(1))[:, None], entries.shape)
    assert of_entries[entries].mean() == pytest.approx(1)


@pytest.mark.parametrize("name", CONFIGS)
def test_weights_that_are_not_there_are_refused(name: str) -> None:
    data = small_screen()
    config = family(name).Config.model_validate({**CONFIGS[name], "row_weights": "given"})
    with pytest.raises(InputError, match=r"no weights of the rows(.|\n)*weights.parquet"):
        family(name).check(config, data)
    assert ("row_weights", "given") in {(u.name, u.value) for u in family(name).unfit(data)}
    known = family(name).unfit(given(WHOLE))
    assert "row_weights" not in {u.name for u in known}


def test_weights_that_cannot_be_are_refused() -> None:
    lel, config = family("lel"), LelConfig(row_weights="given")
    data = given(WHOLE)
    bad = WHOLE.astype(float)
    bad[5] = -1
    with pytest.raises(InputError, match=r"row G05(.|\n)*-1"):
        lel.check(config, replace(data, weights=bad))
    assert data.folds is not None
    with pytest.raises(InputError, match=r"a fold trains on has a weight of 0"):
        lel.check(config, replace(data, weights=(data.folds == 1).astype(float)))


@pytest.mark.parametrize("name", CONFIGS)
def test_equal_weights_are_none(name: str) -> None:
    one, data = family(name), given(np.full(ROWS, 0.3), missing=0.2)
    found = {}
    for how in ("none", "given"):
        config = one.Config.model_validate({**CONFIGS[name], "row_weights": how})
        *_, last = one.progress(config, data, WORKER)
        *_, model = one.refit(config, data, WORKER, None)
        assert last.held_out is not None
        found[how] = (
            last.held_out()[data.columns.tolist()].to_numpy(),
            one.apply(config, model.state(), data, WORKER),
        )
    assert data.targets is not None
    scale = np.nanstd(data.targets)
    for plain, weighed in zip(found["none"], found["given"]):
        np.testing.assert_allclose(weighed / scale, plain / scale, atol=1e-6)


@pytest.mark.parametrize("name", CONFIGS)
def test_a_row_of_weight_0_is_left_out(name: str) -> None:
    weights = np.ones(ROWS)
    weights[[3, 8, 9, 21, 39]] = 0
    data, one = given(weights), family(name)
    assert data.targets is not None
    data.targets[weights == 0] = 1e4
    models = []
    undrawn = {"colsample": 1, "patience": 0} if name == "xgboost" else {}  # by the number of rows
    for how, rows in (("given", data), ("none", data.take(np.flatnonzero(weights)))):
        config = one.Config.model_validate({**CONFIGS[name], **undrawn, "row_weights": how})
        *_, last = one.refit(config, rows, WORKER, None)
        models.append(one.apply(config, last.state(), data, WORKER))
    np.testing.assert_allclose(models[0], models[1], rtol=1e-6, atol=1e-6)
    assert np.abs(models[0]).max() < 1e3


@pytest.mark.parametrize("name", CONFIGS)
def test_scores_weigh_all_rows_alike(name: str) -> None:
    data, one = given(WHOLE**3, missing=0.2), family(name)
    config = one.Config.model_validate({**CONFIGS[name], "row_weights": "given"})
    *_, last = one.progress(config, data, WORKER)
    assert last.held_out is not None and last.metrics is not None and data.targets is not None
    predicted = last.held_out()[data.columns.tolist()].to_numpy()
    assert isinstance(config, ScreenConfig)
    means, folds = np.empty_like(predicted), folds_of(config, data)
    parts = np.empty(ROWS, dtype=int)
    for fold, part in enumerate(folds):
        means[part] = np.nanmean(np.delete(data.targets, part, axis=0), axis=0)
        parts[part] = fold
    expected = metrics.summary(predicted, data.targets, means, parts=parts)
    for metric in ("pearson", "delta_pearson", "rmse"):
        assert last.metrics[metric] == pytest.approx(expected[metric], abs=1e-5), metric
    *_, model = one.refit(config, data, WORKER, None)
    state = model.state()
    mean = np.nanmean(data.targets, axis=0)
    np.testing.assert_allclose(one.training_mean(state), mean, rtol=1e-4, atol=1e-5)
    figures = one.evaluate(config, state, data, WORKER)
    expected = metrics.summary(one.apply(config, state, data, WORKER), data.targets, mean)
    assert figures["delta_pearson"] == pytest.approx(expected["delta_pearson"], abs=1e-5)
    plain = one.Config.model_validate(CONFIGS[name])
    if name != "ia3":  # the same code as of the others
        bars = one.baselines(config, data, None, WORKER)
        assert bars == one.baselines(plain, data, None, WORKER)


@pytest.mark.parametrize("name", CONFIGS)
def test_goes_on_exactly_where_it_was_interrupted(name: str) -> None:
    data, one = given(WHOLE, missing=0.2), family(name)
    config = one.Config.model_validate({**CONFIGS[name], "row_weights": "given"})
    whole = [(i.metrics, i.state()) for i in one.progress(config, data, WORKER)]
    rest = [i.metrics for i in one.progress(config, data, WORKER, whole[0][1])]
    assert rest == [figures for figures, _ in whole[1:]] != []


# lel.


def lel(**values: Any) -> LelConfig:
    return LelConfig.model_validate({"row_weights": "given", **values})


@pytest.mark.parametrize("missing", [0.0, 0.3])
@pytest.mark.parametrize("penalty", ["two-sided", "ridge"])
def test_lel_solves_the_weighted_normal_equations(penalty: str, missing: float) -> None:
    weights = np.random.default_rng(0).gamma(1.0, size=ROWS)
    data = given(weights, missing)
    values = lel(
        gene_side="embedding",
        scaling="none",
        components=0,
        penalty=penalty,
        gene_penalty=0.7,
        perturbation_penalty=2.0,
    )
    fitted, _ = LelFits(values, data).fit(EVERY, [])
    assert data.targets is not None and data.gene_inputs is not None
    w = weights / weights.mean()
    y, x, g = (a.astype(float) for a in (data.targets, data.inputs, data.gene_inputs))
    there = np.isfinite(y)
    mean = np.array([np.average(c[t], weights=w[t]) for c, t in zip(y.T, there.T)])
    c = np.where(there, y - mean, 0.0)
    p = x - np.average(x, axis=0, weights=w)
    right = sum(w[r] * np.outer(g.T @ c[r], p[r]) for r in EVERY)
    gram = sum(w[r] * np.outer(p[r], p[r]) for r in EVERY)
    size = g.shape[1], p.shape[1]
    if penalty == "ridge":
        normal = np.kron(g.T @ g, gram) + 2.0 * np.eye(size[0] * size[1])
        solved = np.linalg.solve(normal, right.ravel()).reshape(size)
    else:
        left = np.linalg.solve(g.T @ g + 0.7 * np.eye(size[0]), right)
        solved = np.linalg.solve(gram + 2.0 * np.eye(size[1]), left.T).T
    np.testing.assert_allclose(fitted.mean, mean, rtol=1e-10)
    np.testing.assert_allclose(fitted.weights, solved, rtol=1e-8, atol=1e-10)
    np.testing.assert_allclose(
        fitted.predict(data.ids, data.inputs, {}), mean + p @ solved.T @ g.T, rtol=1e-8
    )


@pytest.mark.parametrize(
    ("gene_side", "perturbation_side", "penalty", "missing"),
    list(
        product(
            ["embedding", "pca", "identity"],
            ["embedding", "pca"],
            ["two-sided", "ridge"],
            [0.0, 0.2],
        )
    ),
)
@pytest.mark.parametrize("scaling", ["standard", "unit"])
def test_lel_of_whole_weights_is_that_of_repeated_rows(
    gene_side: str, perturbation_side: str, penalty: str, missing: float, scaling: str
) -> None:
    """Its sides, its penalties and the error by which they are chosen."""
    data = given(WHOLE, missing)
    many = repeated(data, WHOLE)
    values = lel(
        gene_side=gene_side,
        perturbation_side=perturbation_side,
        penalty=penalty,
        components=4,
        grid=4,
        scaling=scaling,
    )
    plain = values.model_copy(update={"row_weights": "none"})
    found, curve = LelFits(values, data).fit(EVERY, folds_of(values, data))
    other, expected = LelFits(plain, many).fit(np.arange(len(many)), folds_of(plain, many))
    assert curve is not None and expected is not None
    np.testing.assert_allclose(curve, expected, rtol=1e-6)
    at = {name: place for place, name in enumerate(data.columns.tolist())}
    predicted = [fitted.predict(data.ids, data.inputs, at) for fitted in (found, other)]
    np.testing.assert_allclose(predicted[0], predicted[1], rtol=1e-5, atol=1e-5)


def test_a_penalty_that_is_given_means_what_it_does_without_weights() -> None:
    """Of weights with a mean of 1: repeated rows, which are more, need one as much larger."""
    data = given(WHOLE)
    many = repeated(data, WHOLE)
    values = lel(gene_side="embedding", gene_penalty=0.5, perturbation_penalty=3.0)
    plain = lel(
        gene_side="embedding",
        gene_penalty=0.5,
        perturbation_penalty=3.0 * WHOLE.mean(),
        row_weights="none",
    )
    found, _ = LelFits(values, data).fit(EVERY, [])
    other, _ = LelFits(plain, many).fit(np.arange(len(many)), [])
    np.testing.assert_allclose(
        found.predict(data.ids, data.inputs, {}),
        other.predict(data.ids, data.inputs, {}),
        rtol=1e-6,
        atol=1e-6,
    )


def test_rows_that_are_measured_better_lead_nearer_to_the_truth() -> None:
    """Errors of rows differ tenfold; by 1 / s^2 the least squares are those of least variance."""
    rng = np.random.default_rng(0)
    found: dict[str, list[float]] = {"none": [], "given": []}
    for _ in range(10):
        inputs = rng.normal(size=(120, 6))
        truth = inputs @ rng.normal(size=(6, 20))
        errors = 10 ** rng.uniform(-0.5, 0.5, size=120)
        targets = truth + errors[:, None] * rng.normal(size=truth.shape)
        data = Screen(
            ids=np.arange(120).astype(str),
            inputs=inputs.astype(np.float32),
            targets=targets.astype(np.float32),
            columns=np.array([f"T{i}" for i in range(20)]),
            groups=np.arange(120),
            weights=errors**-2.0,
        )
        for how, of in found.items():
            config = lel(row_weights=how, gene_side="identity", components=0, grid=8)
            fitted, _ = LelFits(config, data).fit(np.arange(120), folds_of(config, data))
            predicted = fitted.predict(data.ids, data.inputs, {})
            of.append(float(np.square(predicted - truth).mean()))
    assert np.mean(found["given"]) < 0.6 * np.mean(found["none"])


# Networks.


def distributions(data: Screen) -> Screen:
    assert data.targets is not None
    targets = np.exp(data.targets / 20)
    targets /= np.nansum(targets, axis=1, keepdims=True)
    return replace(data, targets=targets)


def loss_and_gradients(task: Any) -> list[np.ndarray]:
    """Of all batches of an epoch, at the first weights: means over them."""
    batches = [b for index in range(task.num_blocks) for b in task.block(0, index)]
    loss = sum(task.losses(task.model, batch).sum() for batch in batches) / len(batches)
    parameters = [p for p in task.model.parameters() if p.requires_grad]
    found = torch.autograd.grad(loss, parameters, allow_unused=True)
    return [loss.detach().numpy(), *(f.numpy() for f in found if f is not None)]


def same(found: list[np.ndarray], expected: list[np.ndarray]) -> None:
    assert len(found) == len(expected) > 2
    for one, other in zip(found, expected):
        np.testing.assert_allclose(one, other, rtol=2e-4, atol=2e-6 * (1 + np.abs(other).max()))


@pytest.mark.parametrize("missing", [0.0, 0.2])
@pytest.mark.parametrize("norm", ["none", "layer", "batch"])
@pytest.mark.parametrize("loss", ["mse", "cross_entropy"])
def test_the_loss_of_mlp_is_that_of_repeated_rows(loss: str, norm: str, missing: float) -> None:
    data = given(WHOLE, missing)
    if loss == "cross_entropy":
        data = distributions(data)
    found = []
    for how, screen in (("given", data), ("none", repeated(data, WHOLE))):
        config = MlpConfig.model_validate(
            {"batch_size": 500, "dropout": 0, "loss": loss, "norm": norm, "row_weights": how}
        )
        found.append(loss_and_gradients(MlpTask(config, screen, WORKER, None)))
    same(found[0], found[1])


def test_small_batches_weigh_rows_as_one_batch_does() -> None:
    """A heavy row is not lightened by the batch that it falls into."""
    data, found = given(WHOLE**3), []
    for size in (500, 8):
        config = MlpConfig(batch_size=size, dropout=0, row_weights="given")
        found.append(loss_and_gradients(MlpTask(config, data, WORKER, None)))
    same(found[1], found[0])


@pytest.mark.parametrize("missing", [0.0, 0.2])
def test_the_loss_of_pairs_is_that_of_repeated_rows(missing: float) -> None:
    data, found = given(WHOLE, missing), []
    for how, screen in (("given", data), ("none", repeated(data, WHOLE))):
        config = MlpPairsConfig.model_validate(
            {"batch_rows": 500, "batch_genes": 50, "row_weights": how}
        )
        found.append(loss_and_gradients(PairsTask(config, screen, WORKER, None)))
    same(found[0], found[1])


def test_the_loss_of_ia3_is_that_of_repeated_rows() -> None:
    pytest.importorskip("peft")
    from distrib.trainables.screens.ia3.config import Ia3Config
    from distrib.trainables.screens.ia3.task import Folds

    data, found = given(WHOLE, missing=0.2), []
    for how, screen in (("given", data), ("none", repeated(data, WHOLE))):
        config = Ia3Config.model_validate({"batch_size": 500, "row_weights": how})
        (task,) = Folds(config, screen, WORKER, None).tasks
        found.append(loss_and_gradients(task))
    same(found[0], found[1])


# Trees.


@pytest.mark.parametrize("forests", ["gene", "vector"])
def test_trees_are_those_of_xgboosts_own_weights(forests: str) -> None:
    xgboost = pytest.importorskip("xgboost")
    weights = np.random.default_rng(0).gamma(1.0, size=ROWS)
    data = given(weights)
    assert data.targets is not None
    config = XgboostConfig.model_validate(
        {
            "rounds": 8,
            "patience": 0,
            "colsample": 1,
            "forests": forests,
            "sketch": 0,
            "row_weights": "given",
        }
    )
    share = weights / weights.mean()
    mean = np.average(data.targets, axis=0, weights=share)
    train = xgboost.QuantileDMatrix(
        data.inputs, data.targets - mean, weight=share, max_bin=config.max_bin
    )
    theirs = xgboost.train(
        {
            "tree_method": "hist",
            "multi_strategy": "multi_output_tree" if forests == "vector" else "one_output_per_tree",
            "max_depth": config.max_depth,
            "learning_rate": config.learning_rate,
            "min_child_weight": config.min_child_weight,
            "reg_lambda": config.l2,
            "max_bin": config.max_bin,
            "base_score": 0.0,
        },
        train,
        config.rounds,
    )
    expected = mean + theirs.predict(xgboost.DMatrix(data.inputs))
    forest = grown(config, data, EVERY, WORKER, 0)
    while forest.grown < config.rounds:
        forest.grow()
    np.testing.assert_allclose(forest.predicted(EVERY), expected, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("sketch", [0, 3])
@pytest.mark.parametrize("missing", [0.0, 0.2])
def test_trees_of_whole_weights_are_those_of_repeated_rows(missing: float, sketch: int) -> None:
    """Each gene stops where it would, too; sums of weights are as much smaller as the weights."""
    pytest.importorskip("xgboost")
    data = given(WHOLE, missing)
    many, times = repeated(data, WHOLE), WHOLE.mean()
    shared: dict[str, Any] = {
        "max_bin": 256,
        "colsample": 1,
        "rounds": 30,
        "patience": 0,
        "sketch": sketch,
    }
    shared |= {"forests": "vector" if sketch else "gene"}
    small = XgboostConfig.model_validate(
        {**shared, "l2": 1.0, "min_child_weight": 2.0, "row_weights": "given"}
    )
    large = XgboostConfig.model_validate({**shared, "l2": times, "min_child_weight": 2 * times})
    found = []
    for config, screen in ((small, data), (large, many)):
        forest = grown(config, screen, np.arange(len(screen)), WORKER, 0)
        for _ in range(6):
            forest.grow()
        found.append(forest)
    at = np.repeat(EVERY, WHOLE)
    margins = found[0].margins[at], found[1].margins
    np.testing.assert_allclose(*margins, rtol=1e-3, atol=1e-3)
    found[0].stop, found[1].stop = EVERY, np.arange(len(many))
    np.testing.assert_allclose(found[0]._stop_errors(), found[1]._stop_errors(), rtol=1e-3)
