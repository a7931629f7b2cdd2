"""LEL: pairings and fallbacks, the choice of penalties, and what a simulated truth is found by."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from itertools import product
from typing import Any

import numpy as np
import pytest

from distrib.data.screens.scoring import metrics
from distrib.data.screens.screen import Screen
from distrib.data.screens.simulate_screen import GENES, NOISE, PERTURBATIONS, RANK, simulate
from distrib.errors import InputError
from distrib.study.space.space_file import find_space
from distrib.trainables.base import Worker
from distrib.trainables.screens.base import folds_of
from distrib.trainables.screens.baselines import baselines
from distrib.trainables.screens.lel.config import LelConfig
from distrib.trainables.screens.lel.family import LatentEmbedding
from distrib.trainables.screens.lel.fit import LelFits
from tests.support.small_screens import GENES as SMALL_GENES
from tests.support.small_screens import ROWS, small_screen

FAMILY, WORKER = LatentEmbedding(), Worker()


def config(**values: Any) -> LelConfig:
    return LelConfig.model_validate(values)


def out_of_fold(values: LelConfig, data: Screen) -> tuple[np.ndarray, Any]:
    *_, last = FAMILY.progress(values, data, WORKER)
    assert last.held_out is not None
    return last.held_out()[data.columns.tolist()].to_numpy(), last


def direct(g: np.ndarray, p: np.ndarray, c: np.ndarray, penalty: float) -> np.ndarray:
    """W by two plain solves."""
    left = np.linalg.solve(g.T @ g + penalty * np.eye(g.shape[1]), g.T @ c.T @ p)
    return np.linalg.solve(p.T @ p + penalty * np.eye(p.shape[1]), left.T).T


def preset(name: str) -> LelConfig:
    return config(**find_space(name).corner())


def test_the_preset_of_embeddings_is_the_plain_formula() -> None:
    data = small_screen()
    rows, held = np.arange(30), np.arange(30, ROWS)
    assert data.targets is not None and data.gene_inputs is not None
    fitted, curve = LelFits(preset("lel_nt"), data).fit(rows, [])
    assert curve is None
    g, x = data.gene_inputs.astype(float), data.inputs.astype(float)
    mean = data.targets[rows].astype(float).mean(axis=0)
    weights = direct(g, x[rows], data.targets[rows] - mean, 0.1)
    expected = mean + x[held] @ weights.T @ g.T
    found = fitted.predict(data.ids[held], data.inputs[held], {})
    np.testing.assert_allclose(found, expected, rtol=1e-6)


def test_the_preset_of_components_is_the_plain_formula() -> None:
    """Genes are the samples; a perturbation is the gene it perturbs, or else the mean."""
    data = small_screen()
    columns = {name: at for at, name in enumerate(data.columns.tolist())}
    held = np.arange(0, ROWS, 5)
    rows = np.setdiff1d(np.arange(ROWS), held)
    assert data.targets is not None
    values = replace_components(preset("lel_pca"), 4)
    fitted, _ = LelFits(values, data).fit(rows, [])
    mean = data.targets[rows].astype(float).mean(axis=0)
    changes = data.targets[rows] - mean
    samples = changes.T - changes.T.mean(axis=0)
    u, s, _ = np.linalg.svd(samples, full_matrices=False)
    g = u[:, :4] * s[:4]
    usable = rows[rows < SMALL_GENES]
    weights = direct(g, g[usable], data.targets[usable] - mean, 0.1)
    found = fitted.predict(data.ids[held], data.inputs[held], columns)
    for row, predicted in zip(held, found):
        if row < SMALL_GENES:
            expected = mean + g[row] @ weights.T @ g.T
            np.testing.assert_allclose(predicted, expected, rtol=1e-6)
        else:
            np.testing.assert_allclose(predicted, mean, rtol=1e-12)


def replace_components(values: LelConfig, components: int) -> LelConfig:
    return values.model_copy(update={"components": components})


def test_fewer_than_two_usable_rows_give_the_mean() -> None:
    data = small_screen()
    rows = np.arange(SMALL_GENES - 1, ROWS)  # one of them is a gene that is read out
    fitted, _ = LelFits(preset("lel_pca"), data).fit(rows, [])
    columns = {name: at for at, name in enumerate(data.columns.tolist())}
    found = fitted.predict(data.ids[:3], data.inputs[:3], columns)
    assert data.targets is not None
    np.testing.assert_allclose(found, np.tile(data.targets[rows].mean(axis=0), (3, 1)), rtol=1e-5)


@pytest.mark.parametrize(
    ("gene_side", "perturbation_side"),
    list(product(["embedding", "pca", "identity"], ["embedding", "pca"])),
)
@pytest.mark.parametrize("penalty", ["two-sided", "ridge"])
@pytest.mark.parametrize("missing", [0.0, 0.2])
def test_the_chosen_penalties_have_the_least_error_of_separate_fits(
    gene_side: str, perturbation_side: str, penalty: str, missing: float
) -> None:
    data = small_screen(missing=missing)
    values = config(
        gene_side=gene_side,
        perturbation_side=perturbation_side,
        penalty=penalty,
        components=4,
        grid=4,
    )
    parts, rows = folds_of(values, data), np.arange(ROWS)
    _, curve = LelFits(values, data).fit(rows, parts)
    assert curve is not None and data.targets is not None
    columns = {name: at for at, name in enumerate(data.columns.tolist())}
    for line in curve.to_dict("records")[:: max(1, len(curve) // 5)]:
        squares, measured = 0.0, 0
        for part in parts:
            rest = np.setdiff1d(rows, part)
            if perturbation_side == "pca":
                part = part[part < SMALL_GENES]
            fits = LelFits(values, data)
            sides = fits._sides(rest)
            pair = line["gene_penalty"], line["perturbation_penalty"]
            fitted = fits._fit(sides, rest, pair, absolute=False)
            found = fitted.predict(data.ids[part], data.inputs[part], columns)
            squares += float(np.nansum(np.square(data.targets[part] - found)))
            measured += int(np.isfinite(data.targets[part]).sum())
        assert line["mse"] == pytest.approx(squares / measured, rel=1e-6)


def test_the_curve_of_every_fold_is_kept() -> None:
    values = config(gene_side="embedding", grid=3, components=0)
    _, last = out_of_fold(values, small_screen())
    curve = last.tables["penalties"]()
    assert curve.columns.tolist() == ["fold", "gene_penalty", "perturbation_penalty", "mse"]
    assert curve.groupby("fold").size().tolist() == [9] * 4
    assert np.isfinite(curve.to_numpy()).all()


@pytest.mark.parametrize("scaling", ["standard", "unit"])
def test_scaling_makes_the_units_of_embeddings_irrelevant(scaling: str) -> None:
    data = small_screen()
    assert data.gene_inputs is not None
    factor = np.float32(8 if scaling == "unit" else 2.0) ** np.arange(data.inputs.shape[1])
    if scaling == "unit":
        factor[:] = 8.0
    other = replace(data, inputs=data.inputs * factor, gene_inputs=data.gene_inputs * factor)
    values = config(gene_side="embedding", scaling=scaling, grid=4, components=0)
    np.testing.assert_allclose(
        out_of_fold(values, data)[0], out_of_fold(values, other)[0], rtol=1e-3, atol=1e-3
    )


def test_the_order_of_rows_and_genes_does_not_matter() -> None:
    data, values = small_screen(), config(gene_side="embedding", grid=4)
    rng = np.random.default_rng(2)
    rows, genes = rng.permutation(ROWS), rng.permutation(SMALL_GENES)
    assert data.targets is not None and data.gene_inputs is not None
    turned = replace(
        data.take(rows),
        targets=data.targets[rows][:, genes],
        columns=data.columns[genes],
        gene_inputs=data.gene_inputs[genes],
        responding=None,
    )
    expected = out_of_fold(values, data)[0][rows][:, genes]
    np.testing.assert_allclose(out_of_fold(values, turned)[0], expected, rtol=1e-4, atol=1e-4)


def test_a_side_that_the_data_do_not_have_is_named() -> None:
    data = replace(small_screen(), gene_inputs=None)
    with pytest.raises(InputError, match="no embeddings of the genes"):
        FAMILY.check(config(gene_side="embedding"), data)
    assert ("gene_side", "embedding") in {(u.name, u.value) for u in FAMILY.unfit(data)}


@cache
def planted() -> tuple[Screen, np.ndarray]:
    return simulate(PERTURBATIONS, GENES, RANK, NOISE, seed=0)


@pytest.mark.exhaustive
def test_components_recover_a_planted_screen_to_within_2_percent_of_the_oracle() -> None:
    """The oracle knows the responses without noise; 377 x 4,912, rank 10, noise 0.1."""
    data, truth = planted()
    assert data.targets is not None
    values = config(gene_side="pca", perturbation_side="pca", components=RANK)
    predicted, last = out_of_fold(values, data)
    oracle = pearson(truth, data.targets)
    found = pearson(predicted, data.targets)
    assert 0.94 < oracle < 0.95
    assert found > 0.98 * oracle
    assert last.metrics["pearson"] == pytest.approx(found, abs=1e-4)
    # The floor of the error is the noise; ten scores of a row and of a gene carry some of it.
    assert np.square(truth - predicted).mean() < 0.1 * NOISE**2
    # And above what random embeddings make of the same rows.
    bars = baselines(data, folds_of(values, data), None)
    assert found > 1.3 * bars["random embedding"]["pearson"]
    assert last.metrics["delta_pearson"] > 10 * abs(bars["random embedding"]["delta_pearson"])


def pearson(predicted: np.ndarray, targets: np.ndarray) -> float:
    """Mean over rows."""
    return metrics.summary(predicted, targets, np.zeros(targets.shape[1]))["pearson"]


def test_rows_of_another_width_are_refused() -> None:
    data, values = small_screen(), config(gene_side="embedding", grid=3)
    *_, last = FAMILY.refit(values, data, WORKER, None)
    wide = replace(data, inputs=np.tile(data.inputs, 2))
    for command in (FAMILY.predict, FAMILY.evaluate, FAMILY.evaluate_rows):
        with pytest.raises(InputError, match=r"12 inputs a row(.|\n)*6 inputs a row"):
            command(values, last.state(), wide, WORKER)
