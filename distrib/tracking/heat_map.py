"""Trainings over two hyperparameters: mean and spread of a metric in a table, and as a picture.

Trainings are the trials of studies, and what other roads to a study leave behind (`cli.roads`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from distrib.errors import InputError, nearest
from distrib.records import StudyRecord


@dataclass(frozen=True)
class Training:
    """One training: its hyperparameters, its figures at its best epoch, and the one that counts."""

    values: Mapping[str, Any]
    figures: Mapping[str, float]
    objective: str | None


def trials_of(study: StudyRecord) -> list[Training]:
    """The trials of a study that ran to their end; a stopped one's value is of another epoch."""
    return [
        Training(trial.params, {study.metric: trial.value}, study.metric)
        for trial in study.trials.values()
        if trial.value is not None and trial.state == "COMPLETE"
    ]


def heat_map(trainings: Sequence[Training], by: Sequence[str], metric: str | None) -> pd.DataFrame:
    """A row for each pair of values: those of `by`, `metric`, `mean`, `sd`, `count`.

    Raises:
        InputError: no trainings, a hyperparameter that none of them has, or no such metric.
    """
    if not trainings:
        raise InputError("no finished training here", expected="hparams.yaml, or studies")
    known = sorted({key for training in trainings for key in training.values})
    for key in by:
        if key not in known:
            raise InputError(
                "no training has this hyperparameter",
                where="--by",
                found=key,
                expected=f"one of {', '.join(known)}",
                hint=nearest(key, known),
            )
    names = sorted({name for training in trainings for name in training.figures})
    if metric is None:
        chosen = [training.objective for training in trainings if training.objective]
        metric = chosen[0] if chosen else names[0]
    if metric not in names:
        raise InputError(
            "no training has this metric",
            where="--metric",
            found=metric,
            expected=f"one of {', '.join(names)}",
            hint=nearest(metric, names),
        )
    rows = [
        {**{key: _shown(training.values.get(key)) for key in by}, "value": training.figures[metric]}
        for training in trainings
        if metric in training.figures
    ]
    groups = pd.DataFrame(rows).groupby(list(by), dropna=False)["value"]
    table = groups.agg(["mean", "std", "count"]).reset_index().rename(columns={"std": "sd"})
    table.insert(len(by), "metric", metric)
    return table


def _shown(value: Any) -> Any:
    """A value as it is grouped by: a list or a mapping as text."""
    return value if isinstance(value, str | int | float | bool | None) else str(value)


def shown(table: pd.DataFrame, by: Sequence[str]) -> pd.DataFrame:
    """The table as people read it: the first of `by` down, the second across."""
    words = [
        f"{mean:.4f}" + (f" ± {sd:.4f} ({count})" if count > 1 else "")
        for mean, sd, count in zip(table["mean"], table["sd"], table["count"])
    ]
    told = table[list(by)].assign(told=words)
    if len(by) == 1:
        return told.set_index(by[0])
    table = told.set_index(list(by))["told"].unstack()  # noqa: PD010  # text, nothing to aggregate
    return table.fillna("")


def draw(table: pd.DataFrame, by: Sequence[str], path: Path) -> None:
    """The means as a picture."""
    from distrib.trainables.pictures import INK, new_figure, save_figure

    across = by[1] if len(by) > 1 else "metric"
    grid = table.pivot_table(index=by[0], columns=across, values="mean", dropna=False)
    counts = grid.to_numpy(dtype=float)
    figure = new_figure(2.2 + 0.9 * counts.shape[1], 1.6 + 0.6 * counts.shape[0])
    axes = figure.subplots()
    image = axes.imshow(counts, cmap="viridis", aspect="auto")
    dark = np.nanmin(counts) + 0.6 * (np.nanmax(counts) - np.nanmin(counts))
    for (row, column), value in np.ndenumerate(counts):
        if np.isfinite(value):
            colour = "white" if value < dark else INK
            axes.text(column, row, f"{value:.3f}", ha="center", va="center", color=colour)
    axes.set_xticks(range(counts.shape[1]), [str(c) for c in grid.columns])
    axes.set_yticks(range(counts.shape[0]), [str(r) for r in grid.index])
    if len(by) > 1:
        axes.set_xlabel(across, color=INK)
    axes.set_ylabel(by[0], color=INK)
    figure.colorbar(image, ax=axes).set_label(table["metric"].iloc[0], color=INK)
    save_figure(figure, path)
