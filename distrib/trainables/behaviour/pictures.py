"""Pictures of a segmentation: which class is taken for which, and true against predicted bouts.

Imported inside functions alone: matplotlib takes its time.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.colors import ListedColormap

from distrib.trainables.pictures import INK, new_figure, save_figure

COLOURS = (
    "#e5e7eb", "#1f5fa8", "#d97706", "#15803d", "#b91c1c", "#7c3aed", "#0e7490", "#a16207",
    "#be185d", "#4d7c0f",
)  # fmt: skip


def longest_session(frames: pd.DataFrame) -> pd.DataFrame:
    """The frames of the session with most labelled ones."""
    counts = (frames["label"] != "").groupby(frames["session"]).sum()
    return frames[frames["session"] == counts.idxmax()]


def codes(words: pd.Series, classes: Sequence[str]) -> np.ndarray:
    """(frames,) numbers of the classes; -1 for ""."""
    number = {name: k for k, name in enumerate(classes)}
    return words.map(number).fillna(-1).to_numpy(dtype=np.int16)


def draw_confusion(table: pd.DataFrame, path: Path) -> None:
    """Shares of each labelled class, with the number of frames."""
    counts = table.to_numpy()
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    figure = new_figure(1.8 + 0.75 * counts.shape[1], 1.4 + 0.6 * counts.shape[0])
    axes = figure.subplots()
    axes.imshow(shares, cmap="Blues", vmin=0, vmax=1, aspect="auto")
    for (row, column), count in np.ndenumerate(counts):
        colour = "white" if shares[row, column] > 0.6 else INK
        axes.text(column, row, f"{count:,}", ha="center", va="center", fontsize=8, color=colour)
    axes.set_xticks(range(counts.shape[1]), table.columns, rotation=30, ha="right")
    axes.set_yticks(range(counts.shape[0]), table.index)
    axes.set_xlabel("predicted", color=INK)
    axes.set_ylabel("labelled by hand", color=INK)
    axes.set_title("validation frames", fontsize=10, color=INK)
    axes.tick_params(labelsize=8, colors=INK)
    save_figure(figure, path)


def draw_ethogram(frames: pd.DataFrame, classes: Sequence[str], path: Path) -> None:
    """Labels above, predictions below, of the session with most labels.

    Frames that are not held out are left out; a dashed line stands where some are.
    """
    own = longest_session(frames).sort_values("frame")
    rows = np.stack([codes(own["label"], classes), codes(own["state"], classes)])
    figure = new_figure(9, 2.4)
    axes = figure.subplots()
    size = len(classes)
    colours = ListedColormap(["#ffffff", *(COLOURS[k % len(COLOURS)] for k in range(size))])
    axes.imshow(
        rows, cmap=colours, vmin=-1.5, vmax=size - 0.5, aspect="auto", interpolation="nearest"
    )
    for place in np.flatnonzero(np.diff(own["frame"]) != 1):
        axes.axvline(place + 0.5, color=INK, linewidth=0.8, linestyle="--")
    axes.set_yticks([0, 1], ["by hand", "predicted"])
    axes.set_xlabel(
        f"validation frames of {own['session'].iloc[0]}, joined at the dashed lines", color=INK
    )
    axes.tick_params(labelsize=8, colors=INK)
    for k, name in enumerate(classes):
        axes.plot([], [], color=colours(k + 1), linewidth=6, label=name)
    axes.legend(
        ncols=min(size, 6), fontsize=8, frameon=False, loc="lower center", bbox_to_anchor=(0.5, 1)
    )
    save_figure(figure, path)
