"""`metrics.csv` in daart's columns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from distrib.trainables.behaviour.figures import METRICS
from distrib.trainables.behaviour.segmenter.judging import FIGURES

OBJECTIVES = (f"val_{METRICS[0].name}", "val_loss")
"""What a training is judged by where nobody says it: the first that it has."""


def best_figures(version: Path, epoch: object) -> dict[str, float]:
    """Validation figures of a version's `metrics.csv` at an epoch, or at the last one."""
    rows = pd.read_csv(version / "metrics.csv")
    names = [str(name) for name in rows if str(name).startswith("val_")]
    whole = rows[rows["dataset"] == -1] if "dataset" in rows else rows
    checks = whole.dropna(subset=names, how="all")
    best = checks[checks["epoch"] == epoch]
    if not len(checks):
        return {}
    row = (best if len(best) else checks).iloc[-1]
    return {name: float(row[name]) for name in names if np.isfinite(row[name])}


def metrics_table(
    rows: pd.DataFrame,
    tests: Sequence[Mapping[str, float]] = (),
    untrained: Mapping[int, Mapping[str, float]] | None = None,
    sessions: pd.DataFrame | None = None,
) -> pd.DataFrame:
    """A row for each epoch of training, each validation and each test sequence.

    Columns: epoch, batch, trial, `tr_<m>`, dataset, best_val_epoch, `val_<m>`, `test_<m>`. Row by
    row: dataset -1 is all sessions together, else the number of one; trial -1 is all sequences.

    Args:
        rows: `step`, the validation's metrics and `train/<name>` of a trial.
        tests: the metrics of test sequences, with their `trial` and `dataset`.
        untrained: dataset -> figures of the training before its first step, epoch 0.
        sessions: as `rows`, without metrics beside the loss, for each `session` and `epoch`.
    """
    names = [str(c) for c in rows]
    ordinary = _ordered(
        [c for c in names if c not in ("step", "time") and not c.startswith("train/")]
    )
    trained = _ordered([c.removeprefix("train/") for c in names if c.startswith("train/")])
    # Of what knows no loss (trees) the last unit is the model.
    loss = (
        rows["loss"].fillna(np.inf).to_numpy() if "loss" in rows else -rows["step"].to_numpy(float)
    )
    same = {"batch": 0, "trial": -1}
    found: list[dict[str, float]] = []
    for dataset, first in (untrained or {}).items():
        figures = {f"tr_{m}": first[m] for m in trained if m in first}
        found.append({"epoch": 0, **same, "dataset": dataset, **figures})
    best = -1
    for place, (_, row) in enumerate(rows.iterrows()):
        epoch = int(row["step"])
        if loss[place] < loss[:place].min(initial=np.inf):
            best = epoch
        own = [] if sessions is None else _rows(sessions[sessions["epoch"] == epoch])
        every = [{**row, "session": -1}, *own]
        at = {"epoch": epoch, **same}
        for one in every:
            figures = {f"tr_{m}": one[f"train/{m}"] for m in trained if f"train/{m}" in one}
            if figures:
                found.append({**at, "dataset": one["session"], **figures})
        for one in every:
            figures = {f"val_{m}": one[m] for m in ordinary if m in one}
            found.append({**at, "dataset": one["session"], "best_val_epoch": best, **figures})
    for test in tests:
        rest = {f"test_{k}": v for k, v in test.items() if k not in ("trial", "dataset")}
        last = {"epoch": int(rows["step"].max()), "batch": 0, "best_val_epoch": best}
        found.append({**last, "trial": test["trial"], "dataset": test["dataset"], **rest})
    columns = ["epoch", "batch", "trial", *(f"tr_{m}" for m in trained), "dataset"]
    columns += ["best_val_epoch", *(f"val_{m}" for m in ordinary)]
    table = pd.DataFrame(found)
    return table[[*columns, *(c for c in table if c not in columns)]]


def _ordered(names: list[str]) -> list[str]:
    """daart's figures in its order, then the others."""
    return [*(m for m in FIGURES if m in names), *(m for m in names if m not in FIGURES)]


def _rows(table: pd.DataFrame) -> list[dict[str, float]]:
    return [{str(k): v for k, v in row.items()} for row in table.to_dict("records")]
