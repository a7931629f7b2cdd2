"""`metrics.csv` in daart's columns."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from distrib.trainables.behaviour.figures import METRICS

FIRST = ("loss", "loss_weak", "fc", "loss_strong", "loss_pred", "loss_task", "task_r2", "loss_kl")


OBJECTIVES = (f"val_{METRICS[0].name}", "val_loss")
"""What a training is judged by where nobody says it: the first that it has."""


def best_figures(version: Path, epoch: object) -> dict[str, float]:
    """Validation figures of a version's `metrics.csv` at an epoch, or at the last one."""
    rows = pd.read_csv(version / "metrics.csv")
    names = [str(name) for name in rows if str(name).startswith("val_")]
    checks = rows.dropna(subset=names, how="all")
    best = checks[checks["epoch"] == epoch]
    if not len(checks):
        return {}
    row = (best if len(best) else checks).iloc[-1]
    return {name: float(row[name]) for name in names if np.isfinite(row[name])}


def metrics_table(rows: pd.DataFrame, tests: Sequence[dict[str, float]]) -> pd.DataFrame:
    """A row for each epoch of training, each validation and each test sequence.

    Columns: epoch, batch, trial, `tr_<m>`, dataset, best_val_epoch, `val_<m>`, `test_<m>`. Row by
    row: dataset -1 is all sessions together, trial -1 all sequences.

    Args:
        rows: `step`, the validation's metrics and `train/<name>` of a trial.
    """
    names = [str(c) for c in rows]
    ordinary = [c for c in names if c not in ("step", "time") and not c.startswith("train/")]
    ordinary = [*(m for m in FIRST if m in ordinary), *(m for m in ordinary if m not in FIRST)]
    trained = [c.removeprefix("train/") for c in names if c.startswith("train/")]
    trained = [*(m for m in FIRST if m in trained), *(m for m in trained if m not in FIRST)]
    # Of what knows no loss (trees) the last unit is the model.
    loss = (
        rows["loss"].fillna(np.inf).to_numpy() if "loss" in rows else -rows["step"].to_numpy(float)
    )
    found: list[dict[str, float]] = []
    best = -1
    for place, (_, row) in enumerate(rows.iterrows()):
        epoch = int(row["step"])
        if loss[place] < loss[:place].min(initial=np.inf):
            best = epoch
        same = {"epoch": epoch, "batch": 0, "trial": -1}
        found.append({**same, **{f"tr_{m}": row[f"train/{m}"] for m in trained}, "dataset": -1})
        checked = {"dataset": -1, "best_val_epoch": best}
        found.append({**same, **checked, **{f"val_{m}": row[m] for m in ordinary}})
    for test in tests:
        rest = {f"test_{k}": v for k, v in test.items() if k not in ("trial", "dataset")}
        last = {"epoch": int(rows["step"].max()), "batch": 0, "best_val_epoch": best}
        found.append({**last, "trial": test["trial"], "dataset": test["dataset"], **rest})
    columns = ["epoch", "batch", "trial", *(f"tr_{m}" for m in trained), "dataset"]
    columns += ["best_val_epoch", *(f"val_{m}" for m in ordinary)]
    table = pd.DataFrame(found)
    return table[[*columns, *(c for c in table if c not in columns)]]
