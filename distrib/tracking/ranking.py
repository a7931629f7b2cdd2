"""The winners of several studies of the same data beside the baselines, in one table."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from distrib.claims import small_figure, turned_baselines, turned_words, verdict
from distrib.data.default_fraction import TEST_FRACTION
from distrib.errors import InputError, nearest
from distrib.records import StudyRecord, is_bound
from distrib.safe_yaml import read_yaml_file
from distrib.tracking import wording
from distrib.tracking.compare import read_figures
from distrib.tracking.row_figures import between, draw, out_of_fold

if TYPE_CHECKING:
    import pandas as pd

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
    test_high; n and test_n, the rows of either; of a model over the best baseline of `claim_on`
    ("test", else "validation") gain, gain_low, gain_high and verdict; `turned`, in words, of which
    baselines it is ahead on validation data and behind on test data; folder. What is not known is
    missing.

    Args:
        metric: by which they are ranked; None: the first study's objective.

    Raises:
        InputError: the studies are of different data, or none has a winner with this metric.
    """
    import pandas as pd

    _check_same_data(studies)
    metric = metric or studies[0].study.metric
    known = {**studies[0].study.metrics, **_finished(studies[0])}
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
                **_gain(figures.get("gains", {}), metric),
                "n": figures.get("gains", {}).get("validation", {}).get("rows"),
                "test_n": figures.get("gains", {}).get("test", {}).get("rows"),
                "turned": "; ".join(
                    turned_words(
                        turned_baselines(
                            ranked.study, figures, figures.get("baselines", {}), metric
                        )
                    )
                ),
                "folder": str(ranked.folder),
            }
        )
        of_baselines = figures.get("baseline_intervals", {})
        for name, values in figures.get("baselines", {}).items():
            if metric in values and not is_bound(name):
                baselines.setdefault(
                    name,
                    {
                        "model": name,
                        "kind": "baseline",
                        "validation": values[metric],
                        "test": values.get(f"test/{metric}"),
                        **_ends(of_baselines.get(name, {}).get("validation", {}).get(metric), ""),
                        **_ends(of_baselines.get(name, {}).get("test", {}).get(metric), "test_"),
                    },
                )
    if not rows:
        raise InputError(
            f"no study has a trained winner with {metric}",
            found=", ".join(str(ranked.folder) for ranked in studies),
            hint="python -m distrib.tune --resume FOLDER goes on with one that was interrupted",
        )
    columns = ["model", "kind", "metric", "direction", "validation", "low", "high"]
    columns += ["test", "test_low", "test_high", "n", "test_n"]
    columns += ["gain", "gain_low", "gain_high"]
    words = ["verdict", "over", "claim_on", "turned", "folder"]
    frame = pd.DataFrame([*rows, *baselines.values()]).assign(metric=metric, direction=direction)
    frame = frame.reindex(columns=[*columns, *words])
    frame = frame.astype(dict.fromkeys(columns[4:], "float64"))
    ascending = direction == "min"
    return frame.sort_values("validation", ascending=ascending, kind="stable", ignore_index=True)


def differences(studies: Sequence[Ranked]) -> list[str]:
    """What makes figures of these studies less comparable than they look, a line each."""
    lines = []
    for what, keys in (
        ("test parts", ("test_fraction", "seed")),
        ("folds", ("folds", "fold_seed")),
    ):
        found: dict[tuple[Any, ...], list[str]] = {}
        for ranked in studies:
            values = tuple(_option(ranked, key) for key in keys)
            found.setdefault(values, []).append(ranked.study.name)
        if len(found) > 1:
            shown = "; ".join(
                f"{', '.join(f'{key} {value}' for key, value in zip(keys, values))} "
                f"({', '.join(names)})"
                for values, names in sorted(found.items(), key=str)
            )
            lines.append(f"their {what} differ: {shown}")
    return lines


def render_ranking(frame: pd.DataFrame) -> None:
    """Print it as plain lines, baselines marked."""
    metric, direction = frame["metric"].iloc[0], frame["direction"].iloc[0]
    n, test_n = (frame[name].max() for name in ("n", "test_n"))
    heads = [metric + wording.arrow(metric, direction) + _n(n), "test" + _n(test_n)]
    told = bool(frame["gain"].notna().any())
    lines: list[tuple[str, ...]] = [("model", heads[0], "95% interval", heads[1], "95% interval")]
    if told:
        lines[0] = (*lines[0], "gain over the best baseline", "95% interval", "is")
    for row in frame.to_dict("records"):
        name = row["model"] if row["kind"] == "model" else f"  {row['model']}, baseline"
        if row["kind"] == "model" and row["turned"]:
            name += " *"
        line: tuple[str, ...] = (
            name,
            _cell(row["validation"]),
            _between(row["low"], row["high"]),
            _cell(row["test"]),
            _between(row["test_low"], row["test_high"]),
        )
        if told:
            model = row["kind"] == "model" and not math.isnan(row["gain"])
            gain = f"{small_figure(row['gain'])} ({row['over']}, {row['claim_on']})"
            ends = not math.isnan(row["gain_low"])
            reach = f"{small_figure(row['gain_low'])} to {small_figure(row['gain_high'])}"
            line = (
                *line,
                gain if model else "",
                reach if model and ends else "",
                str(row["verdict"]) if model and ends else "",
            )
        lines.append(line)
    widths = [max(len(line[i]) for line in lines) for i in range(len(lines[0]))]
    for line in lines:
        cells = [c.ljust(w) if i == 0 else c.rjust(w) for i, (c, w) in enumerate(zip(line, widths))]
        print("  ".join(cells).rstrip())
    for row in frame.to_dict("records"):
        if row["kind"] == "model" and row["turned"]:
            print(f"* {row['model']} is {row['turned']}")


def draw_rows(studies: Sequence[Ranked], metric: str, path: Path) -> None:
    """How a metric is distributed over the rows: winners and baselines, the best first.

    Raises:
        InputError: a winner has no such table.
    """
    direction = studies[0].study.metrics.get(metric, studies[0].study.direction)
    draw(out_of_fold(_folders(studies), metric, direction), metric, path)


def pairs(studies: Sequence[Ranked], metric: str) -> list[str]:
    """What may be said of every two of the winners, see `row_figures.between`."""
    direction = studies[0].study.metrics.get(metric, studies[0].study.direction)
    return between(_folders(studies), metric, direction)


def _folders(studies: Sequence[Ranked]) -> dict[str, Path]:
    return {
        f"{ranked.study.name} ({ranked.study.trainable})": ranked.folder
        for ranked in studies
        if (ranked.folder / "best").is_dir()
    }


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
        by_default = key == "test_fraction" and options[key] is None
        return TEST_FRACTION if by_default else options[key]
    file = ranked.folder / "best" / "config.yaml"
    return read_yaml_file(file)["config"].get(key) if file.is_file() else None


def _ends(ends: Sequence[float] | None, prefix: str) -> dict[str, float]:
    return {} if ends is None else {f"{prefix}{end}": v for end, v in zip(_ENDS, ends)}


def _finished(ranked: Ranked) -> dict[str, Any]:
    return read_figures(ranked.folder / "best" / "metrics.json").get("finished", {})


def _gain(gains: Mapping[str, Any], metric: str) -> dict[str, Any]:
    """The gain over the best baseline, on test data where there are any."""
    for part in ("test", "validation"):
        found = gains.get(part, {}).get("metrics", {}).get(metric)
        if found:
            name = min(found, key=lambda one: found[one][0])
            gain, low, high = found[name]
            words = {"verdict": verdict(low, high), "over": name, "claim_on": part}
            return {"gain": gain, "gain_low": low, "gain_high": high, **words}
    return {}


def _n(rows: float) -> str:
    return "" if math.isnan(rows) else f", n = {rows:.0f}"


def _cell(value: Any) -> str:
    return "-" if value is None or math.isnan(value) else wording.figure(float(value))


def _between(low: float, high: float) -> str:
    return "" if math.isnan(low) else f"{wording.figure(low)} to {wording.figure(high)}"
