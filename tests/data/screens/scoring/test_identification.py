"""Scores of identification against formulas of their own, and the ceiling against a simulation."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.spatial.distance import cdist
from scipy.stats import pearsonr

from distrib.data.screens.scoring.ceiling import split_half_ceiling
from distrib.data.screens.scoring.identification import (
    centroid_accuracy,
    de_overlap,
    discrimination,
)

IDS = np.array([f"G{i}" for i in range(4)] + [f"P{i}" for i in range(14)])
COLUMNS = np.array([f"G{i}" for i in range(31)])


def drawn(noise: float = 1.0) -> tuple[np.ndarray, ...]:
    rng = np.random.default_rng(0)
    targets = rng.normal(size=(18, 31))
    return targets + noise * rng.normal(size=targets.shape), targets, np.repeat([0, 1, 2], 6)


def test_discrimination_is_the_rank_by_cityblock_distance() -> None:
    """By SciPy's distances and a sort: cell-eval's 1 - rank / n, put on a scale of 0 to 1."""
    predicted, targets, parts = drawn(noise=5.0)
    found = discrimination(predicted, targets, parts, IDS, COLUMNS)
    for row, name in enumerate(IDS):
        others = np.flatnonzero(parts == parts[row])
        genes = name != COLUMNS
        far = cdist(predicted[[row]][:, genes], targets[others][:, genes], "cityblock")[0]
        rank = np.flatnonzero(others[np.argsort(far)] == row)[0]
        theirs, n = 1 - rank / len(others), len(others)
        assert found[row] == pytest.approx((n * theirs - 1) / (n - 1), abs=1e-10)
    assert len(np.unique(found)) > 2


@pytest.mark.parametrize("size", [2, 3, 7, 40])
def test_noise_is_a_half_in_parts_of_any_size(size: int) -> None:
    """One prediction for all has every rank once; the last of them is 0, the first 1."""
    rng = np.random.default_rng(size)
    targets, ids = rng.normal(size=(size, 31)), np.array([f"P{i}" for i in range(size)])
    predicted = np.tile(rng.normal(size=31), (size, 1))
    found = discrimination(predicted, targets, np.zeros(size), ids, COLUMNS)
    assert found.mean() == pytest.approx(0.5, abs=1e-12)
    np.testing.assert_allclose(np.sort(found), np.linspace(0, 1, size), atol=1e-12)


def test_centroid_accuracy_is_the_share_that_lies_farther() -> None:
    predicted, targets, parts = drawn(noise=5.0)
    found = centroid_accuracy(predicted, targets, parts)
    for row in range(len(predicted)):
        others = [other for other in np.flatnonzero(parts == parts[row]) if other != row]
        own = np.linalg.norm(predicted[row] - targets[row])
        farther = [np.linalg.norm(predicted[row] - targets[other]) > own for other in others]
        assert found[row] == pytest.approx(np.mean(farther), abs=1e-10)


def test_overlap_is_that_of_sets() -> None:
    predicted, targets, _ = drawn()
    responding = np.abs(targets) > 1
    found = de_overlap(predicted, responding)
    for row in range(len(predicted)):
        true = set(np.flatnonzero(responding[row]))
        called = set(np.argsort(-np.abs(predicted[row]))[: len(true)])
        assert found[row] == pytest.approx(len(true & called) / len(true), abs=1e-10)
    none = de_overlap(np.zeros((1, 31)), responding[:1])
    assert none[0] == pytest.approx(responding[0].mean(), abs=1e-10)  # any order is as good
    assert np.isnan(de_overlap(predicted[:1], np.zeros((1, 31), dtype=bool))).all()


def test_what_is_predicted_exactly_is_recognised() -> None:
    _, targets, parts = drawn()
    assert (discrimination(targets, targets, parts, IDS, COLUMNS) == 1).all()
    assert (centroid_accuracy(targets, targets, parts) == 1).all()
    alone = np.arange(18)
    assert np.isnan(centroid_accuracy(targets, targets, alone)).all()
    assert np.isnan(discrimination(targets, targets, alone, IDS, COLUMNS)).all()


def test_a_diverged_prediction_and_missing_targets_are_seen() -> None:
    predicted, targets, parts = drawn()
    predicted[2, 3] = np.inf
    targets[7, :20] = np.nan
    targets[8] = np.nan
    found = centroid_accuracy(predicted, targets, parts)
    assert np.flatnonzero(np.isnan(found)).tolist() == [2, 8]
    others = [6, 9, 10, 11]
    there = np.isfinite(targets[7])
    own = np.square(predicted[7] - targets[7])[there].mean()
    farther = [np.square(predicted[7] - targets[other]).mean() > own for other in others]
    assert found[7] == pytest.approx(np.mean(farther), abs=1e-10)


def test_the_ceiling_is_what_the_truth_reaches() -> None:
    """Halves are the truth and noise each: the truth's own figures against their mean."""
    rng = np.random.default_rng(1)
    truth = rng.normal(size=(60, 400))
    halves = truth + 1.3 * rng.normal(size=(2, 60, 400))
    whole, parts = halves.mean(axis=0), np.repeat(np.arange(3), 20)
    found = split_half_ceiling(halves, parts)
    reached = np.mean([pearsonr(t, w)[0] for t, w in zip(truth, whole)])
    assert found["pearson"] == pytest.approx(reached, abs=0.01)
    rmse = np.sqrt(np.square(truth - whole).mean(axis=1)).mean()
    assert found["rmse"] == pytest.approx(rmse, rel=0.02)
    assert found["mse"] == pytest.approx(np.square(halves[0] - halves[1]).mean() / 4, abs=1e-10)
    r = np.mean([pearsonr(a, b)[0] for a, b in zip(*halves)])
    assert found["pearson"] == pytest.approx(np.sqrt(2 * r / (1 + r)), abs=1e-10)
    noise = split_half_ceiling(rng.normal(size=(2, 60, 400)), parts)
    assert noise["pearson"] < 0.15 and noise["delta_pearson"] < 0.15


@pytest.mark.parametrize("sizes", [(1, 1), (2, 1), (3, 1), (9, 1)])
def test_the_ceiling_of_halves_of_different_size(sizes: tuple[int, int]) -> None:
    """Three guides are halves of two and of one: what the truth reaches is bounded all the same."""
    rng = np.random.default_rng(2)
    truth, (n, m) = rng.normal(size=(60, 400)), sizes
    halves = truth + 1.3 * rng.normal(size=(2, 60, 400)) / np.sqrt(sizes)[:, None, None]
    whole, parts = (n * halves[0] + m * halves[1]) / (n + m), np.repeat(np.arange(3), 20)
    found = split_half_ceiling(halves, parts, whole)
    reached = np.mean([pearsonr(t, w)[0] for t, w in zip(truth, whole)])
    rmse = np.sqrt(np.square(truth - whole).mean(axis=1)).mean()
    assert found["pearson"] == pytest.approx(reached, abs=0.006)
    assert found["rmse"] == pytest.approx(rmse, rel=0.01)
    alike = split_half_ceiling(halves, parts)
    if n == m:
        assert alike == pytest.approx(found, abs=1e-10)
    else:  # taken for equal, no bound at all: the truth would pass it
        assert alike["rmse"] > 1.05 * rmse and alike["pearson"] < reached - 0.004
