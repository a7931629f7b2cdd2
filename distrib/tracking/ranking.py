"""The winners of several studies of the same data beside the baselines, in one table."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from distrib.errors import InputError, nearest
from distrib.records import StudyRecord
from distrib.safe_yaml import read_yaml_file
from distrib.tracking import wording
from distrib.tracking.compare import read_figures

if TYPE_CHECKING:
    import pandas as pd

ROWS = "rows.csv"
"""A winner's figures per row, out of fold, in its folder `best/`."""

_ENDS = ("low", "high")


@dataclass(frozen=True)
class Ranked:
    """One study: its folder, its record, and what its `study.yaml` says."""

    folder: Path
    study: StudyRecord
    stored: Mapping[str, Any]


def ranking(studies: Sequence[Ranked], metric: str | None = None) -> pd.DataFrame:
    """A row for each winner and each baseline, best first.

    Columns: model, kind ("model" or "baseline"), metric, direction; validation, low, high (out of
    fold or on the validation part, and the 95% interval of its mean over rows); test, test_low,
    test_high; folder. What is not known is missing.

    Args:
        metric: by which they are ranked; None: the first study's objective.

    Raises:
        InputError: the studies are of different data, or none has a winner with this metric.
    """
    import pandas as pd

    _check_same_data(studies)
    metric = metric or studies[0].study.metric
    known = studies[0].study.metrics
    if metric not in known:
        raise InputError(
            "no such metric",
            where="--metric",
            found=metric,
            expected=f"one of {', '.join(known)}",
            hint=nearest(metric, known),
        )
    direction = known[metric]
    rows: list[dict[str, Any]] = []
    baselines: dict[str, dict[str, Any]] = {}
    for ranked in studies:
        figures = read_figures(ranked.folder / "best" / "metrics.json")
        value = figures.get("validation", {}).get(metric)
        if value is None:
            continue
        ends = {part: figures.get("intervals", {}).get(part, {}) for part in ("validation", "test")}
        rows.append(
            {
                "model": f"{ranked.study.name} ({ranked.study.trainable})",
                "kind": "model",
                "validation": value,
                **_ends(ends["validation"].get(metric), ""),
                "test": figures.get("test", {}).get(metric),
                **_ends(ends["test"].get(metric), "test_"),
                "folder": str(ranked.folder),
            }
        )
        for name, values in figures.get("baselines", {}).items():
            if metric in values and not name.endswith("(bound)"):
                baselines.setdefault(
                    name,
                    {
                        "model": name,
                        "kind": "baseline",
                        "validation": values[metric],
                        "test": values.get(f"test/{metric}"),
                    },
                )
    if not rows:
        raise InputError(
            f"no study has a trained winner with {metric}",
            found=", ".join(str(ranked.folder) for ranked in studies),
            hint="python -m distrib.tune --resume FOLDER goes on with one that was interrupted",
        )
    columns = ["model", "kind", "metric", "direction", "validation", "low", "high"]
    columns += ["test", "test_low", "test_high", "folder"]
    frame = pd.DataFrame([*rows, *baselines.values()]).assign(metric=metric, direction=direction)
    frame = frame.reindex(columns=columns).astype(dict.fromkeys(columns[4:-1], "float64"))
    ascending = direction == "min"
    return frame.sort_values("validation", ascending=ascending, kind="stable", ignore_index=True)


def differences(studies: Sequence[Ranked]) -> list[str]:
    """What makes figures of these studies less comparable than they look, a line each."""
    lines = []
    for what, keys in (
        ("test parts", ("test_fraction", "seed")),
        ("folds", ("folds", "fold_seed")),
    ):
        found = {tuple(_option(ranked, key) for key in keys) for ranked in studies}
        if len(found) > 1:
            shown = "; ".join(
                ", ".join(f"{key} {value}" for key, value in zip(keys, values))
                for values in sorted(found, key=str)
            )
            lines.append(f"their {what} differ: {shown}")
    return lines


def render_ranking(frame: pd.DataFrame) -> None:
    """Print it as plain lines, baselines marked."""
    metric, direction = frame["metric"].iloc[0], frame["direction"].iloc[0]
    arrow = "↑" if direction == "max" else "↓"
    lines = [("model", f"{metric} {arrow}", "95% interval", "test", "95% interval")]
    for row in frame.to_dict("records"):
        name = row["model"] if row["kind"] == "model" else f"  {row['model']}, baseline"
        lines.append(
            (
                name,
                _cell(row["validation"]),
                _between(row["low"], row["high"]),
                _cell(row["test"]),
                _between(row["test_low"], row["test_high"]),
            )
        )
    widths = [max(len(line[i]) for line in lines) for i in range(len(lines[0]))]
    for line in lines:
        cells = [c.ljust(w) if i == 0 else c.rjust(w) for i, (c, w) in enumerate(zip(line, widths))]
        print("  ".join(cells).rstrip())


def draw_rows(studies: Sequence[Ranked], metric: str, path: Path) -> None:
    """How a metric is distributed over the rows, a column for each winner.

    Raises:
        InputError: a winner has no such table.
    """
    import pandas as pd
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    from distrib.files import atomic_path

    columns = {}
    for ranked in studies:
        table = ranked.folder / "best" / ROWS
        if not table.is_file():
            raise InputError(
                "no figures per row", file=table, expected="a winner of a family that predicts rows"
            )
        rows = pd.read_csv(table)
        if metric not in rows:
            raise InputError(
                "no such figure per row",
                file=table,
                where="--metric",
                found=metric,
                expected=f"one of {', '.join(rows.columns[1:])}",
            )
        columns[ranked.study.name] = rows[metric].dropna().to_numpy()
    figure = Figure(figsize=(1.6 + 1.3 * len(columns), 4.4), dpi=120, layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots()
    axes.axhline(0, color="#9aa3ad", linewidth=1)
    parts = axes.violinplot(list(columns.values()), showextrema=False, widths=0.8)
    for body in parts["bodies"]:  # type: ignore[attr-defined]
        body.set(facecolor="#1f5fa8", alpha=0.35, linewidth=0)
    for place, values in enumerate(columns.values(), 1):
        axes.plot([place - 0.25, place + 0.25], [values.mean()] * 2, color="#d97706", linewidth=2)
        axes.text(place + 0.28, values.mean(), f"{values.mean():.3f}", fontsize=8, va="center")
    axes.set_xticks(range(1, len(columns) + 1), list(columns), rotation=20, fontsize=9)
    axes.set_ylabel(f"{metric} of a row, out of fold")
    axes.set_title("Bars: means over rows", fontsize=10)
    with atomic_path(path) as temporary:
        figure.savefig(temporary, format=path.suffix.removeprefix("."))


def _check_same_data(studies: Sequence[Ranked]) -> None:
    first = studies[0]
    for other in studies[1:]:
        if other.stored["data"].get("fingerprint") != first.stored["data"].get("fingerprint"):
            raise InputError(
                "studies of different data cannot be ranked in one table",
                file=other.folder,
                found=f"data {_shown(other)}",
                expected=f"the data of {first.folder}: {_shown(first)}",
                hint="without --against baselines they are listed side by side",
            )


def _shown(ranked: Ranked) -> str:
    data = ranked.stored["data"]
    source = {k: v for k, v in data["source"].items() if v is not None}
    return f"{source or 'default'}, fingerprint {str(data.get('fingerprint'))[:12]}"


def _option(ranked: Ranked, key: str) -> Any:
    options = ranked.stored["options"]
    if key == "seed" and options.get("split_seed") is not None:
        return options["split_seed"]
    if key in options:
        return options[key]
    file = ranked.folder / "best" / "config.yaml"
    return read_yaml_file(file)["config"].get(key) if file.is_file() else None


def _ends(ends: Sequence[float] | None, prefix: str) -> dict[str, float]:
    return {} if ends is None else {f"{prefix}{end}": v for end, v in zip(_ENDS, ends)}


def _cell(value: Any) -> str:
    return "-" if value is None or math.isnan(value) else wording.figure(float(value))


def _between(low: float, high: float) -> str:
    return "" if math.isnan(low) else f"{wording.figure(low)} to {wording.figure(high)}"
