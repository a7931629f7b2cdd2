"""The figures by row that winners and baselines of several studies left, and what they tell."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np

from distrib.claims import COMPARED, LEAST, PARTS, WINNER, small_figure, verdict
from distrib.data.paired import gains, mean_difference
from distrib.errors import InputError

if TYPE_CHECKING:
    import pandas as pd

ROWS = "rows.csv"
"""The same of the winner alone, out of fold, of older studies too."""

Direction = Literal["min", "max"]


@dataclass(frozen=True)
class Column:
    """A metric of one model in each row of one part."""

    name: str
    baseline: bool
    values: np.ndarray


def read_compared(folder: Path) -> pd.DataFrame | None:
    """The table of a study's folder; None where an older version left none."""
    import pandas as pd

    path = folder / "best" / COMPARED
    return pd.read_parquet(path) if path.is_file() else None


def out_of_fold(folders: Mapping[str, Path], metric: str, direction: Direction) -> list[Column]:
    """A column for each study's winner and each baseline, the best mean first.

    Args:
        folders: of the studies, by what they are called.

    Raises:
        InputError: a winner has no such table, or no such metric.
    """
    import pandas as pd

    found: dict[str, Column] = {}
    for name, folder in folders.items():
        path = folder / "best" / ROWS
        if not path.is_file():
            raise InputError(
                "no figures per row", file=path, expected="a winner of a family that predicts rows"
            )
        rows = pd.read_csv(path)
        table = read_compared(folder)
        if table is not None and metric in table:
            table = table[table["part"] == "validation"]
            for model, part in table.groupby("model", sort=False):
                if model == WINNER:
                    rows = part.drop(columns=["part", "model", "group"])
                else:
                    values = part[metric].dropna().to_numpy()
                    found.setdefault(str(model), Column(str(model), True, values))
        if metric not in rows:
            raise InputError(
                "no such figure per row",
                file=path,
                where="--metric",
                found=metric,
                expected=f"one of {', '.join(rows.columns[1:])}",
            )
        found[f"winner of {name}"] = Column(name, False, rows[metric].dropna().to_numpy())
    sign = -1.0 if direction == "max" else 1.0
    return sorted(
        (column for column in found.values() if len(column.values)),
        key=lambda column: sign * column.values.mean(),
    )


def between(folders: Mapping[str, Path], metric: str, direction: Direction) -> list[str]:
    """What may be said of each two winners: a line for each pair and part of the same rows.

    On validation data both were selected by these very figures: then it is no claim, and says so.
    """
    tables = {name: read_compared(folder) for name, folder in folders.items()}
    own = {
        name: table[table["model"] == WINNER]
        for name, table in tables.items()
        if table is not None and metric in table
    }
    lines = []
    for part in PARTS:
        for one, other in combinations(own, 2):
            pair = [own[name][own[name]["part"] == part] for name in (one, other)]
            if not len(pair[0]) or pair[0]["id"].tolist() != pair[1]["id"].tolist():
                continue
            first, second = (side[metric].to_numpy(float) for side in pair)
            ahead = gains(first, second, direction)
            found = mean_difference(ahead, pair[0]["group"].to_numpy())
            told = f"{part} (n = {found.rows}), {metric}: {one} over {other} "
            told += f"{small_figure(found.value)}"
            if found.low is None or found.high is None:
                why = "too few rows" if found.groups < LEAST else "too few differ"
                lines.append(f"{told}; {why} for an interval")
                continue
            told += f" (95% interval {small_figure(found.low)} to {small_figure(found.high)})"
            if part == "validation":
                lines.append(f"{told}: both were selected on these rows, no claim")
            else:
                lines.append(f"{told}: {verdict(found.low, found.high)}")
    return lines


def draw(columns: Sequence[Column], metric: str, path: Path) -> None:
    """A violin for each, in their order; baselines are grey."""
    from distrib.trainables.pictures import BLUE, GREY, INK, ORANGE, new_figure, save_figure

    figure = new_figure(2.2 + 0.95 * len(columns), 4.6)
    axes = figure.subplots()
    values = [column.values for column in columns]
    parts = axes.violinplot(values, showextrema=False, widths=0.85)
    for body, column in zip(parts["bodies"], columns):  # type: ignore[call-overload]
        body.set(facecolor=GREY if column.baseline else BLUE, alpha=0.45, linewidth=0)
    low, high = axes.get_ylim()
    if low < 0 < high:
        axes.axhline(0, color=GREY, linewidth=0.8, zorder=0)
    for place, column in enumerate(columns, 1):
        mean = column.values.mean()
        axes.plot([place - 0.28, place + 0.28], [mean, mean], color=ORANGE, linewidth=2)
        axes.annotate(f"{mean:.3f}", (place, high), ha="center", va="bottom", fontsize=8, color=INK)
    names = [f"{c.name}\n(baseline)" if c.baseline else c.name for c in columns]
    axes.set_xticks(range(1, len(columns) + 1), names, rotation=30, ha="right", fontsize=8)
    for label, column in zip(axes.get_xticklabels(), columns):
        label.set_fontweight("normal" if column.baseline else "bold")
        label.set_rotation_mode("anchor")
    axes.tick_params(labelsize=8, colors=INK)
    axes.set_ylabel(f"{metric} of a row, out of fold", color=INK)
    count = max(len(column.values) for column in columns)
    axes.set_title(
        f"{count:,} rows; bars and figures: means; best first", fontsize=9, color=INK, pad=16
    )
    save_figure(figure, path)
