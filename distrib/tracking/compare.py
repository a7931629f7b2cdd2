"""A leaderboard across studies: the best of each, and what of it is a claim about new data."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from distrib.errors import InputError
from distrib.records import StudyRecord, is_bound
from distrib.tracking import wording

if TYPE_CHECKING:
    import pandas as pd

WHOLE = ("trials", "complete", "pruned", "failed", "paused", "trial")


def leaderboard(studies: Sequence[tuple[Path, StudyRecord]]) -> pd.DataFrame:
    """A row per study, best first among those of one family and metric.

    Columns: study, trainable, metric, direction, best, test, baseline, trial, trials, complete,
    pruned, failed, paused, folder. `test` is the winner's figure of the metric on the test part,
    `baseline` the best baseline's on validation data; both are missing until the study's winner is
    trained.

    Raises:
        InputError: a `best/metrics.json` that cannot be read.
    """
    import pandas as pd

    rows = [_row(path, study) for path, study in studies]
    frame = pd.DataFrame(rows, columns=list(_row(Path(), _EMPTY)))
    for column in WHOLE:
        frame[column] = frame[column].astype("Int64")
    for column in ("best", "test", "baseline"):
        frame[column] = frame[column].astype("float64")
    sign = frame["direction"].map({"max": -1.0, "min": 1.0}).astype("float64")
    order = frame.assign(sign=sign * frame["best"]).sort_values(
        ["trainable", "metric", "sign", "study"], na_position="last", kind="stable"
    )
    return order.drop(columns="sign").reset_index(drop=True)


_EMPTY = StudyRecord("", "", "", "max", "", 0, 0)


def _row(path: Path, study: StudyRecord) -> dict[str, Any]:
    states = Counter(t.state for t in study.trials.values())
    figures = read_figures(path / "best" / "metrics.json")
    metric = study.metric
    # The trial whose figures these are: fresh seeds may have preferred another, or later ones won.
    best = study.trials.get(figures["trial"]) if "trial" in figures else study.best()
    baselines = [
        values[metric]
        for name, values in figures.get("baselines", {}).items()
        if not is_bound(name) and values.get(metric) is not None
    ]
    pick = max if study.direction == "max" else min
    return {
        "study": study.name,
        "trainable": study.trainable,
        "metric": metric,
        "direction": study.direction,
        "best": best.value if best else None,
        "test": figures.get("test", {}).get(metric),
        "baseline": pick(baselines) if baselines else None,
        "trial": best.number if best else None,
        "trials": len(study.trials),
        "complete": states["COMPLETE"],
        "pruned": states["PRUNED"],
        "failed": states["FAIL"],
        "paused": states["PAUSED"],
        "folder": str(path),
    }


def read_figures(path: Path) -> dict[str, Any]:
    """The figures of a winner (`best/metrics.json`); empty where there is none.

    Raises:
        InputError: a file that cannot be read.
    """
    if not path.exists():
        return {}
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise InputError("this is not JSON", file=path, found=error) from None
    if not isinstance(found, dict):
        raise InputError("not the figures of a winner", file=path, expected="a mapping")
    return found


HEADS = ("study", "metric", "best", "test", "baseline (validation)", "trial", "trials")
LEGEND = (
    "best: on validation data, selected on; test: the winner, never looked at before; "
    "baseline: the best one, on validation data; trials: complete+pruned+failed, and paused"
)


def of_other_data(studies: Sequence[tuple[StudyRecord, str | None]]) -> list[str]:
    """Which studies of one metric are of different data, a line for each metric.

    Args:
        studies: each with the fingerprint of its data, None where none is known.
    """
    lines = []
    for metric in dict.fromkeys(study.metric for study, _ in studies):
        found: dict[str | None, list[str]] = {}
        for study, fingerprint in studies:
            if study.metric == metric:
                found.setdefault(fingerprint, []).append(study.name)
        if len(found) > 1:
            names = " | ".join(", ".join(together) for together in found.values())
            lines.append(f"{metric}: these are of different data, and do not compare: {names}")
    return lines


def render(frame: pd.DataFrame) -> None:
    """Print a leaderboard: as wide as the terminal, and with nothing cut off through a pipe."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    lines = [_cells(row) for row in frame.to_dict("records")]
    widths = [max(len(line[i]) for line in (HEADS, *lines)) for i in range(len(HEADS))]
    console = Console()
    if not console.is_terminal:
        for line in (HEADS, *lines):
            print(
                "  ".join(_aligned(c, w, i) for i, (c, w) in enumerate(zip(line, widths))).rstrip()
            )
        print(LEGEND)
        return
    room = console.width - sum(widths[2:]) - 2 * len(HEADS) + 2
    metric = min(widths[1], max(10, room // 2))
    widths[:2] = [min(widths[0], max(10, room - metric)), metric]
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    for i, (head, width) in enumerate(zip(HEADS, widths)):
        side: Literal["left", "right"] = "left" if i < 2 else "right"
        table.add_column(head, width=width, justify=side, no_wrap=True, overflow="ellipsis")
    groups = list(zip(frame["trainable"], frame["metric"]))
    for i, line in enumerate(lines):
        first = i == 0 or groups[i] != groups[i - 1]
        styles = ("bold", "", "bold green") if first else ("", "", "")
        table.add_row(*(Text(c, style=s) for c, s in zip(line, (*styles, "", "dim", "", ""))))
    console.print(table)
    console.print(Text(LEGEND, style="dim"))


def _aligned(cell: str, width: int, column: int) -> str:
    return cell.ljust(width) if column < 2 else cell.rjust(width)


def _cells(row: Mapping[Any, Any]) -> tuple[str, ...]:
    return (
        str(row["study"]),
        row["metric"] + wording.arrow(row["metric"], row["direction"]),
        *(_cell(row[name]) for name in ("best", "test", "baseline", "trial")),
        f"{row['complete']}+{row['pruned']}+{row['failed']}"
        + (f", {row['paused']} paused" if row["paused"] else ""),
    )


def _cell(value: Any) -> str:
    import pandas as pd

    if pd.isna(value):
        return "-"
    return str(value) if isinstance(value, int) else wording.figure(float(value))
