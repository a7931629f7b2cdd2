"""On pure noise no predictor's score differs from that of chance, out of fold or on a test part."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest

from distrib.data.screens.scoring.identification import (
    centroid_accuracy,
    de_overlap,
    discrimination,
)
from distrib.data.screens.scoring.metrics import summary
from distrib.data.screens.screen import Screen
from distrib.trainables.screens.baselines import baselines

STUDIES, ROWS, GENES = 30, 24, 40
PREDICTORS = ("no change", "training mean", "additive", "random embedding", "ridge", "ridge, tuned")
SCORES = ("pearson", "delta_pearson", "pearson_column", "delta_pearson_column")


def noise(seed: int, rows: int = ROWS, missing: float = 0.0) -> Screen:
    rng = np.random.default_rng(seed)
    targets = rng.normal(size=(rows, GENES)).astype(np.float32)
    targets[rng.random(targets.shape) < missing] = np.nan
    return Screen(
        ids=np.array([f"P{i}" for i in range(rows)]),
        inputs=rng.normal(size=(rows, 5)).astype(np.float32),
        targets=targets,
        columns=np.array([f"G{i}" for i in range(GENES)]),
        groups=np.arange(rows),
    )


@cache
def figures(missing: float) -> list[dict[str, dict[str, float]]]:
    parts = np.array_split(np.arange(ROWS), 4)
    return [
        baselines(noise(seed, missing=missing), parts, noise(1000 + seed, 12, missing))
        for seed in range(STUDIES)
    ]


@pytest.mark.parametrize("missing", [0.0, 0.6])
@pytest.mark.parametrize("part", ["", "test/"])
@pytest.mark.parametrize("name", PREDICTORS)
def test_no_score_is_off_zero(name: str, part: str, missing: float) -> None:
    """Over studies, each of its own noise: so that the standard error is one."""
    for score in SCORES:
        values = np.array([found[name][part + score] for found in figures(missing)])
        error = values.std(ddof=1) / np.sqrt(STUDIES)
        assert abs(values.mean()) <= 4 * error + 1e-12, score


def test_a_reference_on_both_sides_would_have_won() -> None:
    """What the scores were: the training mean taken from both sides."""
    found = []
    for seed in range(STUDIES):
        targets = noise(seed).targets
        assert targets is not None
        mean, rest = targets[6:].mean(axis=0), targets[:6]
        found.append(np.mean([np.corrcoef(-mean, row - mean)[0, 1] for row in rest]))
    error = np.std(found, ddof=1) / np.sqrt(STUDIES)
    assert np.mean(found) > 10 * error > 0


def test_nobody_is_recognised_in_noise() -> None:
    parts = np.repeat(np.arange(4), 6)
    found: dict[str, list[float]] = {"discrimination": [], "centroid": [], "overlap": []}
    for seed in range(STUDIES):
        data, rng = noise(seed), np.random.default_rng(500 + seed)
        assert data.targets is not None
        predicted = np.repeat(rng.normal(size=(4, GENES)), 6, axis=0)  # a fold's own, for all
        args = predicted, data.targets, parts
        found["discrimination"].append(discrimination(*args, data.ids, data.columns).mean() - 0.5)
        found["centroid"].append(centroid_accuracy(*args).mean() - 0.5)
        responding = rng.random(data.targets.shape) < 0.2
        found["overlap"].append(np.nanmean(de_overlap(predicted, responding)) - 0.2)
    assert np.abs(found["discrimination"]).max() < 1e-12  # one prediction has every rank once
    assert np.abs(found["centroid"]).max() < 1e-12
    error = np.std(found["overlap"], ddof=1) / np.sqrt(STUDIES)
    assert abs(np.mean(found["overlap"])) <= 4 * error


def test_a_signal_is_seen() -> None:
    """The same scores where there is something to learn."""
    rng = np.random.default_rng(0)
    data = noise(0)
    assert data.targets is not None
    truth = data.inputs @ rng.normal(size=(5, GENES)) + 3 * rng.normal(size=GENES)
    found = summary(truth, truth + data.targets, 3 * np.ones(GENES), np.repeat(np.arange(4), 6))
    assert found["delta_pearson"] > 0.3 and found["pearson_column"] > 0.8
