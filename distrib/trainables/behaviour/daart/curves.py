"""`train_curves.png` and `val_curves.png`: a panel for each part of the loss."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from distrib.trainables.pictures import BLUE, INK, new_figure, save_figure


def draw_curves(table: pd.DataFrame, folder: Path) -> None:
    """Draw both from the rows of `metrics.csv`, all sessions together."""
    table = table[table["dataset"] == -1]
    for prefix, name in (("tr_", "train_curves.png"), ("val_", "val_curves.png")):
        names = [str(c) for c in table]
        shown = [c for c in names if c.startswith(f"{prefix}loss") or c == f"{prefix}f1_macro"]
        if not shown:
            continue
        figure = new_figure(3.2 * len(shown), 2.6)
        for axes, column in zip(figure.subplots(1, len(shown), squeeze=False)[0], shown):
            rows = table[["epoch", column]].dropna()
            axes.plot(rows["epoch"], rows[column], color=BLUE, marker=".", markersize=3)
            if (rows[column] > 0).all() and "loss" in column:
                axes.set_yscale("log")
                axes.yaxis.set_major_formatter("{x:g}")
                axes.yaxis.set_minor_formatter("{x:g}")
            axes.set_title(column, fontsize=9, color=INK)
            axes.set_xlabel("epoch", fontsize=8, color=INK)
            axes.tick_params(which="both", labelsize=7, colors=INK)
        save_figure(figure, folder / name)
