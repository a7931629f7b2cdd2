"""The history in a report: values by trial, the best so far, and baselines beside them."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from distrib.records import StudyRecord, TrialRecord, named
from distrib.tracking import wording
from distrib.tracking.report.figure import (
    COLOURS,
    SOFT,
    WINNER,
    Figure,
    finite,
    frame,
    inert,
    layout,
    said,
    whole,
)

ROOM = 26  # characters of a line's name
NAMED = 620  # pixels of width with names beside the plot, at least
NAME_HEIGHT = 0.055  # of a line's name beside the plot, as a share of its height


def history(study: StudyRecord, baselines: Mapping[str, Mapping[str, float]]) -> Figure | None:
    """Values by trial, the best so far as steps, baselines as dashed lines."""
    trials = [t for _, t in sorted(study.trials.items()) if finite(t)]
    if not trials:
        return None
    values = [t.value or 0.0 for t in trials]
    lines = {
        name: measured[study.metric]
        for name, measured in baselines.items()
        if math.isfinite(measured.get(study.metric, math.nan))
    }
    low, high, near = _view(values, lines)
    captions = [f"{f}: {_sentence(names)}." for f, names in _together(near) if _is_cut(names)]
    if beyond := sum(not low <= value <= high for value in values):
        captions.append(f"Beyond the frame: {wording.trials(beyond)}.")
    if far := {name: value for name, value in lines.items() if name not in near}:
        told = ", ".join(f"{named(name)} ({wording.figure(value)})" for name, value in far.items())
        captions.append(f"Baselines beyond the frame: {told}.")
    if study.selects == "last" and any(t.state == "PRUNED" for t in trials):
        captions.append(
            f"Pruned trials stand at fewer {study.unit}s than the others: "
            "their values do not compare."
        )
    drawn = layout(
        360,
        "trial",
        inert(study.metric),
        xaxis=whole(max(study.trials)),
        yaxis={"range": [low, high]},
        shapes=_dashed(near),
        annotations=_beside(near, low, high),
        margin={"l": 60, "r": 215 if near else 16, "t": 34, "b": 48},
    )
    data = [*_points(study, trials), *_best_so_far(study, trials)]
    return Figure(data, drawn, " ".join(captions), least=NAMED if near else 0)


def _view(
    values: Sequence[float], lines: Mapping[str, float]
) -> tuple[float, float, dict[str, float]]:
    """Limits that show the bulk of the values and the lines near it; and those lines.

    One far below must not press the trials into a line.
    """
    limits = frame(values)
    assert limits is not None
    low, high, _ = limits
    reach = high - low
    near = {n: v for n, v in lines.items() if low - reach <= v <= high + reach}
    pad = reach * 0.05
    return (
        min([low, *(value - pad for value in near.values())]),
        max([high, *(value + pad for value in near.values())]),
        near,
    )


def _points(study: StudyRecord, trials: Sequence[TrialRecord]) -> list[dict[str, Any]]:
    """A dot for each trial, in the colour of its state; a cross where it failed."""
    data = []
    for state in ("PRUNED", "PAUSED", "FAIL", "RUNNING", "COMPLETE"):
        those = [t for t in trials if t.state == state]
        if those:
            data.append(
                {
                    "type": "scatter",
                    "mode": "markers",
                    "name": wording.STATE_WORDS[state],
                    "x": [t.number for t in those],
                    "y": [t.value for t in those],
                    "text": [
                        said(t, f"{inert(study.metric)} {wording.figure(t.value)}") for t in those
                    ],
                    "hoverinfo": "text",
                    "marker": {
                        "color": COLOURS[state],
                        "size": 7,
                        "symbol": "x" if state == "FAIL" else "circle",
                    },
                }
            )
    return data


def _best_so_far(study: StudyRecord, trials: Sequence[TrialRecord]) -> list[dict[str, Any]]:
    """A step wherever a trial that ran to its end was better than all before it."""
    steps: list[tuple[int, float]] = []
    for trial in trials:
        value = trial.value
        if trial.state != "COMPLETE" or value is None:
            continue
        if not steps or study.better(value, steps[-1][1]):
            steps.append((trial.number, value))
    if not steps:
        return []
    steps.append((max(study.trials), steps[-1][1]))
    return [
        {
            "type": "scatter",
            "mode": "lines",
            "name": "best so far",
            "x": [number for number, _ in steps],
            "y": [value for _, value in steps],
            "line": {"color": WINNER, "width": 2, "shape": "hv"},
            "hoverinfo": "skip",
        }
    ]


def _dashed(lines: Mapping[str, float]) -> list[dict[str, Any]]:
    """A dashed line over the whole width for each value."""
    return [
        {
            "type": "line",
            "xref": "paper",
            "x0": 0,
            "x1": 1,
            "y0": value,
            "y1": value,
            "line": {"color": SOFT, "width": 1, "dash": "dash"},
        }
        for value in lines.values()
    ]


def _beside(lines: Mapping[str, float], low: float, high: float) -> list[dict[str, Any]]:
    """The names of lines at the right of a plot from `low` to `high`, none upon another."""
    together = _together(lines)
    places = [min(lines[name] for name in names) for _, names in together]
    apart = (high - low) * NAME_HEIGHT
    for i in range(1, len(places)):
        places[i] = max(places[i], places[i - 1] + apart)
    for i in reversed(range(len(places))):
        places[i] = min(places[i], high - apart * (len(places) - 1 - i))
    return [
        {
            "xref": "paper",
            "x": 1,
            "y": place,
            "text": f"{figure} {inert(_label(names), ROOM)}",
            "showarrow": False,
            "align": "left",
            "xanchor": "left",
            "font": {"size": 11, "color": SOFT},
        }
        for place, (figure, names) in zip(places, together)
    ]


def _together(lines: Mapping[str, float]) -> list[tuple[str, list[str]]]:
    """The names of lines by the figure that they show, from the lowest."""
    found: dict[str, list[str]] = {}
    for name, value in sorted(lines.items(), key=lambda line: line[1]):
        found.setdefault(wording.figure(value), []).append(name)
    return list(found.items())


def _sentence(names: Sequence[str]) -> str:
    return ", ".join(map(named, names))


def _is_cut(names: Sequence[str]) -> bool:
    """Whether there is no room for all these names beside the plot."""
    return len(_sentence(names)) > ROOM and len(names) > 1


def _label(names: Sequence[str]) -> str:
    if _is_cut(names):
        return f"{min(names, key=len)} and {len(names) - 1} more"
    return _sentence(names) if len(names) > 1 else names[0]
