"""The conditional logit solver against scipy, finite differences, published and toy figures."""

from __future__ import annotations

import math
from fractions import Fraction
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import check_grad, minimize

from distrib.data.vdj.germline.olga import read_model
from distrib.data.vdj.trimming.cut_features import build_features
from distrib.data.vdj.trimming.trimming import encode_ends
from distrib.errors import InputError
from distrib.models.vdj.choice_losses import (
    mean_loss,
    normalised,
    null_loss,
    saturated_loss,
    scores,
)
from distrib.models.vdj.conditional_logit import fit, log_probabilities
from distrib.models.vdj.identifiability import dependent_columns


def objective(
    b: np.ndarray, x: np.ndarray, w: np.ndarray, mask: np.ndarray, l2: float
) -> tuple[float, np.ndarray]:
    """Value and gradient, set by set: an independent reference."""
    value, gradient = 0.0, np.zeros_like(b)
    for features, weights, there in zip(x, w / w.sum(), mask, strict=True):
        features, weights = features[there], weights[there]
        exp = np.exp(features @ b - (features @ b).max())
        p = exp / exp.sum()
        value -= (weights * np.log(p)).sum()
        gradient -= weights @ (features - p @ features)
    num_choices = mask[w.sum(axis=1) > 0].sum()
    penalty = l2 / (2 * num_choices)
    return value + penalty * (b @ b), gradient + 2 * penalty * b


def problem(
    seed: int, sets: int = 12, choices: int = 5, features: int = 4
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Features, counts and a ragged mask with at least two choices in each set."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(sets, choices, features))
    mask = rng.random((sets, choices)) < 0.8
    mask[:, :2] = True
    w = rng.integers(0, 30, size=(sets, choices)) * mask
    w[:, 0] += 1
    return x, w.astype(float), mask


@pytest.mark.parametrize("l2", [0.0, 0.5, 40.0])
def test_the_optimum_is_scipys(l2: float) -> None:
    x, w, mask = problem(1)
    ours = fit(x, w, mask=mask, l2=l2)
    theirs = minimize(objective, np.zeros(4), (x, w, mask, l2), jac=True, tol=1e-13)
    assert ours.coefficients == pytest.approx(theirs.x, abs=1e-6)
    value, gradient = objective(ours.coefficients, x, w, mask, l2)
    assert value <= theirs.fun + 1e-13
    assert ours.loss == pytest.approx(objective(ours.coefficients, x, w, mask, 0.0)[0], abs=1e-13)
    assert ours.gradient_norm < 1e-10
    assert np.linalg.norm(gradient) < 1e-10


def test_the_reference_gradient_is_right() -> None:
    x, w, mask = problem(2)
    b = np.random.default_rng(0).normal(size=4)
    error = check_grad(
        lambda b: objective(b, x, w, mask, 3.0)[0], lambda b: objective(b, x, w, mask, 3.0)[1], b
    )
    assert error < 1e-6


def test_only_penalised_features_are_shrunk() -> None:
    x, w, mask = problem(3)
    some = np.array([True, False, True, False])
    model = fit(x, w, mask=mask, l2=1e9, penalised=some)
    assert np.abs(model.coefficients[some]).max() < 1e-6
    alone = fit(x[:, :, ~some], w, mask=mask)
    assert model.coefficients[~some] == pytest.approx(alone.coefficients, abs=1e-6)


@settings(max_examples=15)
@given(seed=st.integers(0, 10_000), scale=st.floats(1e-6, 1e6))
def test_invariances(seed: int, scale: float) -> None:
    x, w, mask = problem(seed)
    rng = np.random.default_rng(seed)
    model = fit(x, w, mask=mask)
    order, choices = rng.permutation(len(x)), rng.permutation(x.shape[1])
    shift = rng.normal(size=(len(x), 1, x.shape[2]))
    same = [
        fit(x[order], w[order], mask=mask[order]),
        fit(x[:, choices], w[:, choices], mask=mask[:, choices]),
        fit(x, scale * w, mask=mask),
        fit(x + shift, w, mask=mask),
    ]
    for other in same:
        assert other.loss == pytest.approx(model.loss, abs=1e-10)
        assert other.coefficients == pytest.approx(model.coefficients, abs=1e-6)


def test_sets_without_weight_are_as_if_absent() -> None:
    x, w, mask = problem(5)
    w[::3] = 0
    rest = w.sum(axis=1) > 0
    whole = fit(x, w, mask=mask, l2=2.0)
    part = fit(x[rest], w[rest], mask=mask[rest], l2=2.0)
    assert whole.coefficients == pytest.approx(part.coefficients, abs=1e-10)


def test_equal_input_gives_equal_bits() -> None:
    x, w, mask = problem(6)
    assert np.array_equal(fit(x, w, mask=mask).coefficients, fit(x, w, mask=mask).coefficients)


def test_no_features_are_the_null_model() -> None:
    _, w, mask = problem(7)
    model = fit(np.zeros((*w.shape, 0)), w, mask=mask)
    assert len(model.coefficients) == 0
    assert model.loss == pytest.approx(null_loss(w, mask), abs=1e-14)


def test_float32_elsewhere_is_left_alone() -> None:
    import jax.numpy as jnp

    x, w, mask = problem(8)
    fit(x, w, mask=mask)
    assert jnp.ones(1).dtype == jnp.float32


def test_dependent_features_are_named() -> None:
    x, w, mask = problem(9)
    constant = np.repeat(x[:, :1, :1], x.shape[1], axis=1)  # within each set
    double = np.concatenate([x, x[:, :, :1] - 2 * x[:, :, 1:2], constant], axis=2)
    names = ["a", "b", "c", "d", "sum", "constant"]
    assert dependent_columns(double, mask) == [4, 5]
    with pytest.raises(InputError, match=r"choice sets: sum, constant\n"):
        fit(double, w, mask=mask, names=names)
    with pytest.raises(InputError, match=r"choice sets: constant\n"):
        fit(double, w, mask=mask, names=names, l2=1.0, penalised=np.array([True] * 5 + [False]))
    assert fit(double, w, mask=mask, names=names, l2=1.0).gradient_norm < 1e-10


def test_identifiability_counts_only_sets_with_weight() -> None:
    x, w, mask = problem(10)
    x[1:, :, 3] = 0
    fit(x, w, mask=mask)
    w[0] = 0
    with pytest.raises(InputError, match="independent features, in 11 choice sets"):
        fit(x, w, mask=mask)


def test_a_separated_feature_runs_away_and_is_reported() -> None:
    """Where a choice with a feature is never made, the optimum lies at minus infinity."""
    x = np.tile(np.array([[1.0], [0.0], [0.0]]), (4, 1, 1))
    w = np.tile(np.array([0.0, 2.0, 1.0]), (4, 1))
    model = fit(x, w)
    assert model.coefficients[0] < -15
    assert model.loss == pytest.approx(math.log(2), abs=1e-6)
    assert np.isfinite(model.gradient_norm)


def test_nan_is_reported_as_it_is() -> None:
    x, w, _ = problem(11)
    w[0, 0] = np.nan
    model = fit(x, w)
    assert np.isnan(model.gradient_norm)
    assert np.isnan(model.loss)


def test_a_step_limit_is_kept() -> None:
    x, w, mask = problem(12)
    model = fit(x, w, mask=mask, max_steps=1)
    assert model.num_steps == 1
    assert model.gradient_norm > 1e-10


def test_losses_and_bounds() -> None:
    w = np.array([[3.0, 1.0], [0.0, 4.0]])
    assert null_loss(w) == pytest.approx(math.log(2))
    entropy = -(0.75 * math.log(0.75) + 0.25 * math.log(0.25))
    assert saturated_loss(w) == pytest.approx(entropy / 2)
    with np.errstate(divide="ignore"):
        own = np.log(w / w.sum(axis=1, keepdims=True))
    assert mean_loss(own, w) == pytest.approx(saturated_loss(w), abs=1e-15)
    found = scores(np.log(np.full((2, 2), 0.5)), w)
    assert found["rmse"] == pytest.approx((0.25 + 0.5) / 2)
    assert found["mae"] == pytest.approx((0.25 + 0.5) / 2)
    assert found["log_loss_above_saturated"] == pytest.approx(math.log(2) - entropy / 2)
    assert normalised(w).sum() == 1


def test_toy_data_of_the_original(real_data: Path) -> None:
    """75 choice sets of 4 species; figures of an independent Newton (trimming.md 4.4)."""
    toy = pd.read_csv(real_data / "trimming" / "toy_long_test_data.tsv", sep="\t")
    toy = toy.sort_values(["garden", "color", "species"])
    rating = {"A": (1, 0, 0), "B": (0, 1, 0), "C": (0, 0, 1), "D": (-1, -1, -1)}
    rows = [
        (height, width, *rating[letter])
        for height, width, letter in toy[["height", "width", "rating"]].itertuples(index=False)
    ]
    model = fit(
        np.array(rows, float).reshape(75, 4, 5), toy["count"].to_numpy(float).reshape(75, 4)
    )
    expected = [-0.012953, 0.052652, 0.098551, -0.087209, 0.020973]
    assert model.coefficients == pytest.approx(expected, abs=1e-6)
    assert model.loss == pytest.approx(1.384575, abs=1e-6)


def counts_of_six_genes(path: Path) -> tuple[list[str], np.ndarray]:
    """Integer counts behind empirical_prob, the least that fit, summed over 666 subjects."""
    table = pd.read_csv(path, sep="\t").sort_values(["subject", "gene", "trim_length"])
    genes = sorted(table["gene"].unique())
    p = table["empirical_prob"].to_numpy().reshape(-1, len(genes), 13)
    counts = np.zeros((len(genes), 13))
    for subject in p.tolist():
        for gene, row in enumerate(subject):
            shares = [Fraction(value).limit_denominator(300_000) for value in row]
            total = math.lcm(*(share.denominator for share in shares))
            counts[gene] += [int(share * total) for share in shares]
    return [gene if "*" in gene else f"{gene}*01" for gene in genes], counts


def test_losses_of_666_people(real_data: Path) -> None:
    """trimming.md 6.1: pooled counts of 3,996 real choice sets."""
    folder = real_data / "trimming"
    genes, counts = counts_of_six_genes(folder / "trb_v_nonproductive_dists.tsv")
    assert counts.sum() == 5_878_414
    v = read_model("human_T_beta").v
    ends = encode_ends([v.sequences[v.genes.index(gene)] for gene in genes], 14)
    x = build_features(ends, np.arange(2, 15), "motif_two-side-base-count-beyond", 1, 2)
    model = fit(x, counts)
    assert null_loss(counts) == pytest.approx(2.56495, abs=1e-5)
    assert model.loss == pytest.approx(2.08220, abs=1e-4)
    assert model.gradient_norm < 1e-10
    assert saturated_loss(counts) == pytest.approx(2.00318, abs=1e-4)
    predicted = pd.read_csv(folder / "trb_v_nonproductive_dists.tsv", sep="\t")
    published = predicted.pivot_table("predicted_prob", "gene", "trim_length", "first")
    assert mean_loss(np.log(published.to_numpy()), counts) == pytest.approx(2.09173, abs=1e-4)
    assert mean_loss(log_probabilities(x, model.coefficients), counts) == model.loss
