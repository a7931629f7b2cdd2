"""Two screens whose truth is known: pure noise, and a weak signal that is real."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from distrib.claims import verdict
from distrib.data.screens.screen import Screen
from distrib.study.worker.gains import Part, compared_table, part_gains, read_tried
from distrib.trainables.base import Worker
from distrib.trainables.capabilities import Judged
from distrib.trainables.screens.lel.config import LelConfig
from distrib.trainables.screens.lel.family import LatentEmbedding

FAMILY = LatentEmbedding()
WORKER = Worker(precision="float64")
OBJECTIVES = [m for m in FAMILY.metrics if m.name in ("pearson", "rmse")]


def screen(
    rows: int, genes: int, width: int, *, shared: float, signal: float, seed: int = 0
) -> Screen:
    rng = np.random.default_rng(seed)
    inputs = rng.normal(size=(rows, width)).astype(np.float32)
    effect = signal * rng.normal(size=(width, genes)) / np.sqrt(width)
    targets = shared * rng.normal(size=genes) + inputs @ effect
    targets += 0.33 * rng.normal(size=targets.shape)
    return Screen(
        ids=np.array([f"ENSG{i:011d}" for i in range(rows)]),
        inputs=inputs,
        targets=targets.astype(np.float32),
        columns=np.array([f"G{i}" for i in range(genes)]),
        groups=np.arange(rows),
    )


def trained(data: Screen) -> list[tuple[LelConfig, pd.DataFrame, dict[str, float]]]:
    """Three configurations, their predictions out of fold and their scores."""
    found = []
    for scaling, side in (("standard", "identity"), ("unit", "identity"), ("standard", "pca")):
        config = LelConfig(scaling=scaling, gene_side=side, components=0, grid=6)  # type: ignore[arg-type]
        *_, last = FAMILY.progress(config, data, WORKER)
        assert last.held_out is not None and last.metrics is not None
        found.append((config, last.held_out(), dict(last.metrics)))
    return found


def test_on_noise_nobody_has_a_score() -> None:
    """20 rows, 200 genes, twelve times: a model's mean score is within four standard errors of 0,
    and 0 in the interval of "no change", which had 0.28 when the training mean stood on both sides.
    """
    config, held = LelConfig(grid=4), 0
    scores: dict[str, list[float]] = {"delta_pearson": [], "pearson_column": []}
    for seed in range(12):
        data = screen(26, 200, 8, shared=0.0, signal=0.0, seed=seed)
        kept, test = data.take(np.arange(20)), data.take(np.arange(20, 26))
        nothing = FAMILY.judged_baselines(config, kept, test, WORKER)["no change"]
        low, high = nothing.intervals["validation"]["delta_pearson"]
        held += low <= 0 <= high
        assert max(abs(nothing.figures[f"{p}delta_pearson"]) for p in ("", "test/")) < 0.1
        assert nothing.figures["pearson_column"] == nothing.figures["test/pearson_column"] == 0
        *_, last = FAMILY.progress(config, kept, WORKER)
        assert last.metrics is not None
        for name, values in scores.items():
            values.append(last.metrics[name])
    assert held >= 11
    for name, values in scores.items():
        error = np.std(values, ddof=1) / np.sqrt(len(values))
        assert abs(np.mean(values)) <= 4 * error, name


def test_a_weak_signal_is_told_apart_from_the_mean() -> None:
    data = screen(300, 60, 8, shared=0.17, signal=0.04)
    trials = trained(data)
    config, held_out, figures = max(trials, key=lambda trial: trial[2]["pearson"])
    rows = FAMILY.held_out_rows(config, data, held_out)
    tried = [FAMILY.held_out_rows(c, data, h) for c, h, _ in trials]
    judged = FAMILY.judged_baselines(config, data, None, WORKER)
    found = part_gains("validation", Part(rows, data.groups, tried), judged, OBJECTIVES)
    assert (found["rows"], found["groups"], found["tried"]) == (300, 300, 3)
    gain, low, high = found["metrics"]["pearson"]["training mean"]
    mean = judged["training mean"].figures["pearson"]
    assert gain == pytest.approx(figures["pearson"] - mean, abs=1e-6)
    assert 0 < gain < 0.02 and verdict(low, high) == "better"
    assert verdict(*found["metrics"]["rmse"]["training mean"][1:]) == "better"
    own = FAMILY.held_out_intervals(config, data, held_out)["pearson"]
    assert own[0] < mean < own[1]  # what was said of it before: within its interval
    alone = part_gains("validation", Part(rows, data.groups), judged, OBJECTIVES)
    _, least, most = alone["metrics"]["pearson"]["training mean"]
    assert most - least <= high - low
    unknown = part_gains("validation", Part(rows, data.groups, (), 2), judged, OBJECTIVES)
    assert unknown["tried"] == 2
    wider = unknown["metrics"]["pearson"]["training mean"]
    assert wider[2] - wider[1] > most - least


def test_bounds_and_column_metrics_have_no_rows() -> None:
    data = screen(20, 10, 3, shared=0.1, signal=0.1)
    (_, held_out, _), *_ = trained(data)
    rows = FAMILY.held_out_rows(LelConfig(), data, held_out)
    bound = Judged({"pearson": 1.0}, {}, {})
    of_columns = [m for m in FAMILY.metrics if m.name == "pearson_column"]
    found = part_gains("validation", Part(rows, data.groups), {"x (bound)": bound}, of_columns)
    assert found["metrics"] == {}


def test_trials_leave_their_rows(tmp_path: Path) -> None:
    """What is not there, or is of other rows, counts as unknown."""
    data = screen(20, 10, 3, shared=0.1, signal=0.1)
    (config, held_out, _), *_ = trained(data)
    rows = FAMILY.held_out_rows(config, data, held_out)
    rows.to_parquet(tmp_path / "a.parquet")
    rows.iloc[::-1].to_parquet(tmp_path / "b.parquet")
    files = [tmp_path / f"{name}.parquet" for name in "abc"]
    tables, unknown = read_tried(files, rows["id"].to_numpy())
    assert (len(tables), unknown) == (1, 2)
    judged = FAMILY.judged_baselines(config, data, None, WORKER)
    table = compared_table({"validation": Part(rows, data.groups)}, judged, "winner")
    assert set(table["model"]) == {"winner", *judged}
    assert len(table) == 20 * (1 + len(judged))
    assert {"part", "model", "id", "group", "pearson", "discrimination"} <= set(table)


def test_few_rows_have_no_intervals() -> None:
    data = screen(7, 10, 3, shared=0.1, signal=0.1)
    config = LelConfig(folds=2, grid=4)
    judged = FAMILY.judged_baselines(config, data, None, WORKER)
    assert all(found.intervals == {"validation": {}} for found in judged.values())


def test_halves_are_a_bound_among_the_baselines() -> None:
    data = screen(30, 40, 3, shared=0.5, signal=0.5)
    rng = np.random.default_rng(1)
    assert data.targets is not None
    noise = 0.2 * rng.normal(size=data.targets.shape)
    halves = np.stack([data.targets + noise, data.targets - noise]).astype(np.float32)
    known = replace(data, halves=halves)
    judged = FAMILY.judged_baselines(LelConfig(), known, known.take(np.arange(9)), WORKER)
    bound = judged["split halves (bound)"]
    assert 0.9 < bound.figures["pearson"] < 1 and bound.rows == {}
    assert bound.figures["test/rmse"] == pytest.approx(0.2, rel=0.1)
    assert known.fingerprint() != data.fingerprint()
