"""Figures of a report with a line per trial: learning curves by rung, parallel coordinates."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from distrib.records import Dimension, StudyRecord, TrialRecord
from distrib.tracking import wording
from distrib.tracking.report.figure import (
    COLOURS,
    LINE,
    SOFT,
    WINNER,
    Figure,
    chosen,
    finite,
    frame,
    inert,
    layout,
    said,
    whole,
)
from distrib.trial_files import METRICS, read_columns, trial_folder

CURVES = 150  # learning curves drawn at most
POINTS = 120  # of one curve drawn at most
LINES = 200  # lines of the parallel coordinates at most
LEGEND = 460  # pixels of width with a legend of learning curves, at least
AXIS = 95  # pixels from one axis of the parallel coordinates to the next, at least
AXES = 10  # parameters of the parallel coordinates at most
RUNGS = ("#c08bb8", "#a3b86c", "#6fbf94", "#3f9fb5")  # colours of early to late stops
EARLY = "#7ba7d9"  # colour of curves that ended by themselves, beside those that ran to the end
SHADES = ("#d6dee7", "#b5cde4", "#86b0d9", "#4d8ac4", "#1f5fa8")  # worse to better
OPEN = 2**31  # sorts what was not stopped behind every stop
GAP = None  # between two curves of one trace
ABSENT = -0.12  # height at which a parameter stands that a trial did not draw


def curves(folder: Path, study: StudyRecord) -> Figure | None:
    """The objective over the units, by the unit at which trials stopped; the best one in front."""
    trials = [*study.ranked(), *(t for t in study.trials.values() if t.state == "FAIL")]
    best = study.best()
    shown = chosen(trials, CURVES)
    groups: dict[tuple[int, str], list[tuple[TrialRecord, list[float], list[float]]]] = {}
    longest = last = 0
    for trial in shown:
        columns = read_columns(trial_folder(folder, trial.number) / METRICS)
        steps, values = columns.get("step", []), columns.get(study.metric, [])
        if not steps or not values:
            continue
        longest, last = max(longest, len(steps)), max(last, int(steps[-1]))
        groups.setdefault(_group(study, trial), []).append((trial, *_thinned(steps, values)))
    if longest < 2:
        return None
    ordered = sorted(groups)
    data = []
    stops = [key for key in ordered if 0 <= key[0] < OPEN]
    # The earliest stops are drawn last: they lie where every longer curve passes.
    for key in reversed(ordered):
        colour = COLOURS["FAIL" if key[0] < 0 else "RUNNING" if key[0] == OPEN else "COMPLETE"]
        colour = EARLY if key[0] == OPEN + 1 else colour
        if key in stops:
            colour = RUNGS[stops.index(key) * (len(RUNGS) - 1) // max(1, len(stops) - 1)]
        name = key[1] or inert(wording.end_words(study, *(trial for trial, _, _ in groups[key])))
        data.append(_trace(groups[key], name, colour, 1.0))
    winner = [c for group in groups.values() for c in group if best and c[0] is best]
    if winner and best is not None:
        data.append(_trace(winner, f"best, trial {best.number}", WINNER, 2.5))
    limits = frame(
        (v for g in groups.values() for _, _, values in g for v in values if math.isfinite(v)),
        reach=6.0,
    )
    marks = [
        {
            "type": "line",
            "yref": "paper",
            "y0": 0,
            "y1": 1,
            "x0": unit,
            "x1": unit,
            "line": {"color": LINE, "width": 1, "dash": "dot"},
        }
        for unit in study.milestones
    ]
    drawn = layout(
        400,
        inert(study.unit),
        inert(study.metric),
        shapes=marks,
        xaxis=whole(last),
        yaxis={"range": list(limits[:2])} if limits else {},
    )
    caption = "Dotted lines are rungs, where trials are compared." if marks else ""
    drawn_values = [values for group in groups.values() for _, _, values in group]
    if limits and (beyond := sum(_leaves(values, limits[:2]) for values in drawn_values)):
        caption += f" Beyond the frame: values of {wording.trials(beyond)}."
    if len(shown) < len(trials):
        caption += f" {len(shown)} of {len(trials)} trials are drawn: the best, and some others."
    return Figure(data, drawn, caption.strip(), least=LEGEND)


def _group(study: StudyRecord, trial: TrialRecord) -> tuple[int, str]:
    if trial.state == "FAIL":
        return -1, "failed"
    if trial.state in ("PRUNED", "PAUSED"):
        return trial.fidelity, f"stopped at {inert(study.unit)} {trial.fidelity}"
    if trial.state == "RUNNING":
        return OPEN, "running"
    return OPEN + 1 + study.spent_whole(trial), ""  # named by how many there are


def _leaves(values: Sequence[float], limits: tuple[float, float]) -> bool:
    """Whether a curve leaves the frame; what is not finite is drawn nowhere."""
    return any(math.isfinite(v) and not limits[0] <= v <= limits[1] for v in values)


def _thinned(steps: Sequence[float], values: Sequence[float]) -> tuple[list[float], list[float]]:
    """At most `POINTS` of a curve, evenly, its last among them."""
    every = math.ceil(len(steps) / POINTS)
    keep = sorted({*range(0, len(steps), every), len(steps) - 1})
    return [steps[i] for i in keep], [values[i] for i in keep]


def _trace(
    group: Sequence[tuple[TrialRecord, list[float], list[float]]],
    name: str,
    colour: str,
    width: float,
) -> dict[str, Any]:
    x: list[float | None] = []
    y: list[float | None] = []
    words: list[str] = []
    for trial, steps, values in group:
        x += [*steps, GAP]
        y += [*values, GAP]
        words += [f"trial {trial.number}"] * (len(steps) + 1)
    single = any(len(steps) == 1 for _, steps, _ in group)
    return {
        "type": "scatter",
        "mode": "lines+markers" if single else "lines",
        "name": name,
        "x": x,
        "y": y,
        "text": words,
        "hoverinfo": "text+x+y",
        "line": {"color": colour, "width": width},
        "marker": {"size": 4},
    }


def parallel(study: StudyRecord, first: Sequence[str]) -> Figure | None:
    """A line per trial across its parameters to its value; the better, the darker.

    Args:
        first: parameters by importance, which come first where not all can be shown.
    """
    trials = [t for t in study.ranked() if finite(t) and t.state in ("COMPLETE", "PRUNED")]
    if len(trials) < 2 or not study.dimensions:
        return None
    by_name = {d.name: d for d in study.dimensions}
    names = list(dict.fromkeys([*(n for n in first if n in by_name), *by_name]))[:AXES]
    axes = [_Axis(by_name[n], trials) for n in by_name if n in names]
    limits = frame(map(_worth, trials))
    assert limits is not None
    low, high, _ = limits
    shown = chosen(trials, LINES)
    under, over = (sum(found) for found in zip(*((v < low, v > high) for v in map(_worth, shown))))
    data = []
    ranks = {t.number: i / (len(trials) - 1) for i, t in enumerate(trials)}
    best = trials[0]
    for i, shade in enumerate(SHADES):
        better = 1 - (i + 1) / len(SHADES), 1 - i / len(SHADES)
        part = [
            t
            for t in shown
            if better[0] <= ranks[t.number] < better[1] + (i == 0) and t is not best
        ]
        data.append(_lines(part, axes, (low, high), study, shade, 1.0))
    data.append(_lines([best], axes, (low, high), study, WINNER, 3.0))
    notes = [note for at, axis in enumerate(axes) for note in axis.notes(at)]
    ends = ("≤ " * bool(under) + wording.figure(low), "≥ " * bool(over) + wording.figure(high))
    notes += _ends(len(axes), [(0.0, ends[0]), (1.0, ends[1])])
    notes.append(_title(len(axes), f"<b>{inert(study.metric, 18)}</b>"))
    rules = [
        {
            "type": "line",
            "x0": at,
            "x1": at,
            "y0": 0,
            "y1": 1,
            "layer": "below",
            "line": {"color": SOFT, "width": 1},
        }
        for at in range(len(axes) + 1)
    ]
    drawn = layout(
        420,
        "",
        "",
        shapes=rules,
        annotations=notes,
        showlegend=False,
        margin={"l": 30, "r": 60, "t": 40, "b": 20},
        xaxis={"visible": False, "range": [-0.25, len(axes) + 0.35], "fixedrange": True},
        yaxis={"visible": False, "range": [-0.2, 1.12], "fixedrange": True},
    )
    caption = "Darker lines are better trials; the best is orange, pruned ones are among them."
    if under + over:
        caption += f" Beyond the frame, drawn at its edge: {wording.trials(under + over)}."
    if any(axis.absent for axis in axes):
        caption += " Below an axis: the trial did not draw this parameter."
    if len(names) < len(by_name):
        caption += f" {len(names)} of {len(by_name)} parameters are shown."
    if len(shown) < len(trials):
        caption += f" {len(shown)} of {len(trials)} trials are drawn: the best, and some others."
    width = AXIS * (len(axes) + 1)
    return Figure([trace for trace in data if trace["x"]], drawn, caption, least=width)


def _worth(trial: TrialRecord) -> float:
    assert trial.value is not None
    return trial.value


class _Axis:
    """One parameter's axis: where a value stands on it, from 0 to 1."""

    def __init__(self, dimension: Dimension, trials: Sequence[TrialRecord]) -> None:
        self.dimension = dimension
        self.absent = any(dimension.name not in t.params for t in trials)
        drawn = [t.params[dimension.name] for t in trials if dimension.name in t.params]
        numbers = [float(v) for v in drawn if isinstance(v, (int, float))]
        self.range = dimension.kind == "range" and len(numbers) == len(drawn)
        self.low = min([*numbers, *([] if dimension.low is None else [dimension.low])], default=0)
        self.high = max(
            [*numbers, *([] if dimension.high is None else [dimension.high])], default=1
        )
        self.log = dimension.log and self.low > 0
        self.choices = list(dict.fromkeys(repr(v) for v in (*dimension.choices, *drawn)))
        self.shown = {repr(v): v for v in (*dimension.choices, *drawn)}

    def height(self, trial: TrialRecord) -> float:
        if self.dimension.name not in trial.params:
            return ABSENT
        value = trial.params[self.dimension.name]
        if not self.range:
            return (self.choices.index(repr(value)) + 0.5) / len(self.choices)
        at, low, high = float(value or 0), self.low, self.high
        if self.log:
            at, low, high = math.log(at), math.log(low), math.log(high)
        return (at - low) / (high - low) if high > low else 0.5

    def notes(self, at: int) -> list[dict[str, Any]]:
        name = self.dimension.name.rpartition(".")[2] or self.dimension.name
        title = _title(at, f"<b>{inert(name, 16)}</b>" + ("<br>log" if self.log else ""))
        if self.range:
            ends = [(0.0, wording.param(self.low)), (1.0, wording.param(self.high))]
            return [title, *_ends(at, ends if self.high > self.low else [(0.5, ends[0][1])])]
        marks = [
            ((i + 0.5) / len(self.choices), wording.param(self.shown[choice]))
            for i, choice in enumerate(self.choices[:12])
        ]
        return [title, *_ends(at, marks)]


def _title(at: int, words: str) -> dict[str, Any]:
    return {"x": at, "y": 1.04, "text": words, "showarrow": False, "yanchor": "bottom"}


def _ends(at: int, marks: Sequence[tuple[float, str]]) -> list[dict[str, Any]]:
    return [
        {
            "x": at,
            "y": height,
            "text": inert(words, 14),
            "showarrow": False,
            "xanchor": "left",
            "xshift": 3,
            "font": {"size": 11, "color": SOFT},
            "bgcolor": "rgba(255,255,255,0.75)",
        }
        for height, words in marks
    ]


def _lines(
    trials: Sequence[TrialRecord],
    axes: Sequence[_Axis],
    limits: tuple[float, float],
    study: StudyRecord,
    colour: str,
    width: float,
) -> dict[str, Any]:
    x: list[float | None] = []
    y: list[float | None] = []
    words: list[str] = []
    low, high = limits
    for trial in reversed(trials):
        value = min(max(_worth(trial), low), high)
        x += [*range(len(axes) + 1), GAP]
        y += [*(axis.height(trial) for axis in axes), (value - low) / (high - low), GAP]
        about = said(trial, f"{inert(study.metric)} {wording.figure(trial.value)}")
        words += [""] * len(axes) + [about, ""]
    return {
        "type": "scatter",
        "mode": "lines",
        "x": x,
        "y": y,
        "text": words,
        "hoverinfo": "text",
        "line": {"color": colour, "width": width},
    }
