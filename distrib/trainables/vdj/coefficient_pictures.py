"""Pictures of coefficients: the motif as a heat map, and all of them with their intervals.

Imported inside functions alone: matplotlib takes its time.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from distrib.data.vdj.trimming.trimming import BASES
from distrib.trainables.pictures import BLUE, GREY, INK, ORANGE, new_figure, save_figure

_INTERVAL = 1.959964  # standard errors to either side that hold 95% of a normal distribution


def trim_types(table: pd.DataFrame) -> list[str]:
    """Of a coefficient table, in its order."""
    return [name for name in table["trim_type"].unique() if name]


def end_name(trim_type: str) -> str:
    """A gene end for the reader: "V gene, 3' end"."""
    gene, end = trim_type[0].upper(), trim_type.removesuffix("_trim")[1:]
    return f"{gene} gene, {end or {'V': '3', 'J': '5'}[gene]}' end"


def draw_motifs(table: pd.DataFrame, path: Path) -> bool:
    """A heat map of bases by positions around the cut, a panel per gene end; False without motif.

    Positions run away from the cut: kept ones to its left, lost ones to its right, both read on the
    strand that is trimmed.
    """
    motif = table[table["coefficient"] == "motif"]
    types = trim_types(motif)
    if not types:
        return False
    bounded = pd.Series(~_unbounded(table), table.index)
    most = float(np.nan_to_num(motif["value"].abs()[bounded[motif.index]].max())) or 1.0
    spots = motif[["side", "position"]].drop_duplicates()
    order = sorted(map(tuple, spots.to_numpy()), key=lambda s: _place(*s))
    figure = new_figure(1.3 + len(types) * (0.62 * len(order) + 0.55), 3.5)
    axes = figure.subplots(1, len(types), squeeze=False)[0]
    for panel, name in zip(axes, types):
        rows = motif[motif["trim_type"] == name]
        grid = np.full((len(BASES), len(order)), np.nan)
        for base, side, position, value, is_bounded in zip(
            rows["base"], rows["side"], rows["position"], rows["value"], bounded[rows.index]
        ):
            spot = BASES.index(base), order.index((side, position))
            grid[spot] = value if is_bounded else np.copysign(np.inf, value)
        shown = np.clip(grid, -most, most)
        image = panel.imshow(shown, cmap="RdBu_r", vmin=-most, vmax=most, aspect="equal")
        for (base, spot), value in np.ndenumerate(grid):
            if not np.isnan(value):
                ink = "white" if abs(value) > 0.6 * most else INK
                panel.text(spot, base, f"{value:+.2f}", ha="center", va="center", color=ink, size=8)
        kept = sum(side == "5end" for side, _ in order)
        panel.axvline(kept - 0.5, color=INK, linewidth=2.5)
        panel.set_xticks(range(len(order)), [f"{_place(*spot):+d}" for spot in order])
        panel.set_yticks(range(len(BASES)), list(BASES))
        panel.set_title(end_name(name), fontsize=10, color=INK)
        panel.set_xlabel("kept | lost, 5' to 3'", fontsize=9, color=INK)
        panel.tick_params(length=0, labelsize=9, colors=INK)
        for spine in panel.spines.values():
            spine.set_visible(False)
    bar = figure.colorbar(image, ax=list(axes), shrink=0.8)
    bar.set_label("effect on ln odds of the cut", fontsize=9, color=INK)
    bar.ax.tick_params(labelsize=8, colors=INK)
    bar.outline.set_visible(False)
    figure.suptitle("Motif around the cut", fontsize=11, color=INK)
    save_figure(figure, path)
    return True


def _place(side: str, position: str) -> int:
    """Signed distance from the cut: -1 is the last kept base, +1 the first lost one."""
    number = int(position.removeprefix("pos"))
    return -number if side == "5end" else number


def draw_coefficients(table: pd.DataFrame, path: Path) -> bool:
    """Every coefficient with its 95% interval, a panel per gene end; False without any.

    What concerns both ends, the microhomology, has a panel of its own below.
    """
    if table.empty:
        return False
    groups = [table[table["trim_type"] == name] for name in trim_types(table)]
    shared = table[table["trim_type"] == ""]
    titles = [end_name(name) for name in trim_types(table)]
    tall = max((len(group) for group in groups), default=0)
    figure = new_figure(4.2 * max(len(groups), 1), 1.3 + 0.23 * (tall + len(shared)))
    heights = [height for height in (tall, len(shared) + 1 if len(shared) else 0) if height]
    grid = figure.add_gridspec(len(heights), max(len(groups), 1), height_ratios=heights)
    panels: list[Axes] = []
    for k in range(len(groups)):
        panels.append(figure.add_subplot(grid[0, k], sharex=panels[0] if panels else None))
    if len(shared):
        panels.append(figure.add_subplot(grid[-1, :]))
        groups, titles = [*groups, shared], [*titles, "microhomology"]
    name, errors = _intervals(table)
    unbounded = _unbounded(table)
    for panel, group, title in zip(panels, groups, titles):
        places = np.arange(len(group))
        panel.axvline(0, color=GREY, linewidth=1)
        own = errors[group.index]
        # NaN, and no bar of no length, which would look like certainty.
        panel.errorbar(
            group["value"].where(~unbounded[group.index]),
            places,
            xerr=_INTERVAL * own if np.isfinite(own).any() else None,
            fmt="o",
            color=BLUE,
            ecolor=ORANGE,
            markersize=4,
            linewidth=1.5,
            capsize=2.5,
        )
        for place in np.flatnonzero(unbounded[group.index]):
            side = "right" if group["value"].iloc[place] > 0 else "left"
            panel.annotate(
                "no finite optimum >" if side == "right" else "< no finite optimum",
                (0.98 if side == "right" else 0.02, place),
                xycoords=("axes fraction", "data"),
                ha=side,
                va="center",
                fontsize=7,
                color=GREY,
            )
        panel.set_yticks(places, [_label(row) for row in group.itertuples()])
        panel.set_ylim(len(group) - 0.4, -0.6)
        panel.set_title(title, fontsize=10, color=INK)
        panel.tick_params(labelsize=8, colors=INK)
        panel.spines[["top", "right"]].set_visible(False)
    unit = "per standard deviation" if "scale" in table else "per unit"
    figure.supxlabel(f"effect on ln odds, {unit}", fontsize=9, color=INK)
    figure.suptitle(f"Coefficients, {name}", fontsize=11, color=INK)
    save_figure(figure, path)
    return True


def _intervals(table: pd.DataFrame) -> tuple[str, np.ndarray]:
    """What the intervals are made of, and (rows,) standard errors: the best that are known."""
    for column, what in (
        ("bootstrap_sd", "bootstrapped"),
        ("cluster_error", "cluster-robust"),
        ("error", "from the Hessian"),
    ):
        if column in table and table[column].notna().any():
            return f"95% intervals {what}", table[column].to_numpy()
    return "without intervals", np.full(len(table), np.nan)


def _unbounded(table: pd.DataFrame) -> np.ndarray:
    """(rows,) bool, those that have no error by any estimator, though others have one."""
    columns = [c for c in ("bootstrap_sd", "cluster_error", "error") if c in table]
    known = table[columns].notna()
    rows = known.to_numpy(bool)
    return np.asarray(~rows.any(axis=1) & rows.any())


def _label(row: Any) -> str:
    """A row of the table for the reader."""
    if row.coefficient == "motif":
        return f"motif {_place(row.side, row.position):+d} {row.base}"
    if row.coefficient == "base_count":
        return f"{row.base} count, {'kept' if row.side == '5end' else 'lost'} side"
    return str(row.coefficient)
