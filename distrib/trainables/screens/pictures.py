"""Pictures of predictions out of fold: against what was measured, and target by target.

Imported inside functions alone: matplotlib takes its time.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.colors import LogNorm

from distrib.trainables.pictures import BLUE, GREY, INK, ORANGE, new_figure, save_figure

REACH = 0.001  # share of the values at either end that lie outside the picture
CELLS = 60  # hexagons along the picture


def draw_hexbin(predicted: np.ndarray, targets: np.ndarray, path: Path) -> None:
    """How many pairs of predicted and measured values lie where; (rows, G) both."""
    there = np.isfinite(targets) & np.isfinite(predicted)
    measured, made = targets[there], predicted[there]
    low, high = np.quantile(measured, [REACH, 1 - REACH])
    if low == high:
        low, high = low - 1, high + 1
    figure = new_figure(5.2, 4.6)
    axes = figure.subplots()
    cells = axes.hexbin(
        np.clip(measured, low, high),
        np.clip(made, low, high),
        gridsize=CELLS,
        extent=(low, high, low, high),
        norm=LogNorm(),
        cmap="Blues",
        mincnt=1,
    )
    axes.plot([low, high], [low, high], color=ORANGE, linewidth=1)
    axes.set_xlabel("measured", color=INK)
    axes.set_ylabel("predicted, out of fold", color=INK)
    axes.set_title(f"{there.sum():,} values; beyond the frame: at its edge", fontsize=10, color=INK)
    axes.tick_params(labelsize=8, colors=INK)
    bar = figure.colorbar(cells, ax=axes)
    bar.set_label("values", fontsize=9, color=INK)
    bar.ax.tick_params(labelsize=8, colors=INK)
    save_figure(figure, path)


def draw_targets(targets: pd.DataFrame, path: Path) -> None:
    """Each target's Pearson over rows by the spread of what was measured in it.

    Targets are the columns of a screen: genes, or whatever else was measured in every row.
    """
    figure = new_figure(5.6, 4.2)
    axes = figure.subplots()
    axes.axhline(0, color=GREY, linewidth=1)
    axes.scatter(
        targets["spread"],
        targets["pearson"],
        s=max(2.0, min(24.0, 6000 / len(targets))),
        color=BLUE,
        alpha=0.5 if len(targets) > 100 else 0.9,
        linewidths=0,
    )
    median, mean = targets["pearson"].median(), targets["pearson"].mean()
    told = f"median {median:.3f}; mean, which is pearson_column, {mean:.3f}"
    axes.axhline(median, color=ORANGE, linewidth=1.2, label=told)
    spread = targets["spread"].to_numpy()
    if (spread > 0).all() and spread.max() > 10 * spread.min():
        axes.set_xscale("log")
    axes.set_xlabel("standard deviation of the measured values", color=INK)
    axes.set_ylabel("Pearson over rows, out of fold", color=INK)
    axes.set_title(f"{len(targets):,} targets", fontsize=10, color=INK)
    axes.tick_params(labelsize=8, colors=INK)
    axes.legend(fontsize=8, frameon=False)
    save_figure(figure, path)
