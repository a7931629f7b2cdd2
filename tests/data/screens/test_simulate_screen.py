"""The simulated screen is what it is said to be: shape, rank, noise, embeddings, seed."""

from __future__ import annotations

import numpy as np
import pytest

from distrib.data.screens.scoring.metrics import summary
from distrib.data.screens.screen import Screen
from distrib.data.screens.simulate_screen import (
    GENES,
    NOISE,
    PERTURBATIONS,
    RANK,
    SIGNAL,
    WIDTH,
    simulate,
    simulated_screen,
)


@pytest.fixture(scope="module")
def whole() -> tuple[Screen, np.ndarray]:
    return simulate(PERTURBATIONS, GENES, RANK, NOISE, seed=0)


def targets_of(screen: Screen) -> np.ndarray:
    assert screen.targets is not None
    return screen.targets


def test_it_is_as_large_as_the_original(whole: tuple[Screen, np.ndarray]) -> None:
    screen, truth = whole
    assert (PERTURBATIONS, GENES, RANK, NOISE) == (377, 4_912, 10, 0.1)
    assert targets_of(screen).shape == truth.shape == (377, 4_912)
    assert screen.inputs.shape == (377, WIDTH)
    assert screen.gene_inputs is not None and screen.gene_inputs.shape == (4_912, WIDTH)
    for array in (targets_of(screen), screen.inputs, screen.gene_inputs):
        assert array.dtype == np.float32 and np.isfinite(array).all()
    assert screen.fingerprint() == simulated_screen().fingerprint()


def test_perturbations_are_among_the_genes(whole: tuple[Screen, np.ndarray]) -> None:
    screen, _ = whole
    assert screen.ids.tolist() == screen.columns[:377].tolist()
    assert screen.ids[0] == "SIM00001" and screen.columns[-1] == "SIM04912"
    assert len(set(screen.columns)) == 4_912
    assert screen.groups.tolist() == list(range(377))


def test_it_says_that_it_is_simulated(whole: tuple[Screen, np.ndarray]) -> None:
    assert "simulated" in whole[0].notes[0]


def test_the_signal_has_the_rank_and_the_size_that_are_said(
    whole: tuple[Screen, np.ndarray],
) -> None:
    _, truth = whole
    effects = truth - truth.mean(axis=0)  # without what all perturbations share
    strengths = np.sqrt(np.maximum(np.linalg.eigvalsh(effects @ effects.T)[::-1], 0))
    assert strengths[RANK - 1] > 0.3 * strengths[0]
    assert strengths[RANK] < 1e-6 * strengths[0]
    assert effects.std() == pytest.approx(SIGNAL, rel=0.05)
    assert truth.mean(axis=0).std() == pytest.approx(SIGNAL, rel=0.05)


def test_the_oracles_error_is_the_noise(whole: tuple[Screen, np.ndarray]) -> None:
    screen, truth = whole
    noise = targets_of(screen) - truth
    count = noise.size
    assert noise.std() == pytest.approx(NOISE, rel=4 / np.sqrt(2 * count))
    assert abs(noise.mean()) < 4 * NOISE / np.sqrt(count)
    figures = summary(truth, targets_of(screen), truth.mean(axis=0))
    assert figures["rmse"] == pytest.approx(NOISE, rel=1e-3)
    assert figures["mae"] == pytest.approx(NOISE * np.sqrt(2 / np.pi), rel=1e-3)
    # what is left of a correlation of signal and signal with noise
    assert figures["delta_pearson"] == pytest.approx(SIGNAL / np.hypot(SIGNAL, NOISE), rel=0.05)
    mean = summary(np.tile(truth.mean(axis=0), (377, 1)), targets_of(screen), truth.mean(axis=0))
    assert mean["rmse"] == pytest.approx(np.hypot(SIGNAL, NOISE), rel=0.1)
    assert mean["rmse"] > 2 * figures["rmse"]


def test_the_noise_is_that_of_no_row_column_or_rank(whole: tuple[Screen, np.ndarray]) -> None:
    screen, truth = whole
    noise = targets_of(screen) - truth
    assert np.abs(noise.std(axis=0) / NOISE - 1).max() < 5.5 / np.sqrt(2 * 377)
    assert np.abs(noise.std(axis=1) / NOISE - 1).max() < 5.5 / np.sqrt(2 * 4_912)
    largest = np.sqrt(np.linalg.eigvalsh(noise @ noise.T)[-1])  # Marchenko and Pastur's edge
    assert largest < 1.05 * NOISE * (np.sqrt(377) + np.sqrt(4_912))


def test_embeddings_tell_the_truth_but_for_noise_of_their_own(
    whole: tuple[Screen, np.ndarray],
) -> None:
    screen, truth = whole
    effects = truth - truth.mean(axis=0)
    for side, inputs in ((effects, screen.inputs), (effects.T, screen.gene_inputs)):
        assert inputs is not None
        design = np.hstack([inputs, np.ones((len(inputs), 1))])
        left = side - design @ np.linalg.lstsq(design, side, rcond=None)[0]
        assert 1e-6 < left.var() / side.var() < 0.02
    assert screen.gene_inputs is not None
    assert np.abs(screen.inputs - screen.gene_inputs[:377]).max() > 1  # turned each its own way


def test_one_seed_gives_one_screen() -> None:
    first, again, other = [simulated_screen(20, 50, seed=seed) for seed in (3, 3, 4)]
    assert first.fingerprint() == again.fingerprint() != other.fingerprint()
    for name in ("inputs", "targets", "gene_inputs"):
        np.testing.assert_array_equal(getattr(first, name), getattr(again, name))
        assert not np.isclose(getattr(first, name), getattr(other, name)).any(axis=1).all()


@pytest.mark.parametrize(
    ("rows", "genes", "rank", "width"), [(30, 200, 4, 7), (50, 50, 1, 16), (12, 40, 3, 2)]
)
def test_other_sizes_are_as_asked(rows: int, genes: int, rank: int, width: int) -> None:
    screen, truth = simulate(rows, genes, rank, 0.1, seed=1, width=width)
    assert targets_of(screen).shape == truth.shape == (rows, genes)
    assert screen.inputs.shape == (rows, width)
    assert screen.gene_inputs is not None and screen.gene_inputs.shape == (genes, width)
    assert np.linalg.matrix_rank(truth - truth.mean(axis=0)) == rank


@pytest.mark.parametrize("noise", [0.0, 0.02, 3.0])
def test_noise_is_as_asked_and_changes_nothing_else(noise: float) -> None:
    screen, truth = simulate(100, 400, 5, noise, seed=2)
    assert (targets_of(screen) - truth).std() == pytest.approx(noise, rel=0.02, abs=1e-6)
    silent, same = simulate(100, 400, 5, 0.0, seed=2)
    np.testing.assert_array_equal(truth, same)
    np.testing.assert_array_equal(screen.inputs, silent.inputs)
    np.testing.assert_allclose(targets_of(silent), truth, rtol=1e-6)
