"""Figures of a report about trials as a whole: importances, timeline, times."""

from __future__ import annotations

import math
from collections.abc import Mapping

from distrib.records import StudyRecord, TrialRecord
from distrib.tracking import wording
from distrib.tracking.report.figure import (
    COLOURS,
    SOFT,
    Figure,
    inert,
    layout,
    said,
    whole,
)

BARS = 200  # bars of times drawn at most; each is then a mean over several trials
KINDS = {  # where a trial's time goes
    "start": "#c9d3de",
    "import": "#94a3b4",
    "load": "#7fb2a4",
    "train": "#1f5fa8",
    "checkpoint": "#d97706",
    "report": "#c0362c",
}


def importance_bars(shares: Mapping[str, float]) -> Figure | None:
    """A bar per parameter, the largest on top."""
    if not shares:
        return None
    ordered = list(shares.items())[:20][::-1]
    data = {
        "type": "bar",
        "orientation": "h",
        "x": [share for _, share in ordered],
        "y": list(range(len(ordered))),
        "text": [f"{share:.2f}" for _, share in ordered],
        "textposition": "outside",
        "cliponaxis": False,
        "hoverinfo": "skip",
        "marker": {"color": COLOURS["COMPLETE"]},
    }
    names = {
        "tickvals": list(range(len(ordered))),
        "ticktext": [inert(name, 40) for name, _ in ordered],
        "showgrid": False,
        "ticks": "",
    }
    room = [0, 1.15 * max(shares.values()) or 1]  # of the figure beside the longest bar
    drawn = layout(90 + 28 * len(ordered), "share", "", yaxis=names, xaxis={"range": room})
    return Figure([data], drawn | {"bargap": 0.35})


def timeline(study: StudyRecord) -> Figure | None:
    """When each trial ran, in as many lanes as trials ran at a time."""
    known = [t for t in study.trials.values() if t.started is not None]
    if not known:
        return None
    first = min(t.started or 0.0 for t in known)
    last = max(t.stretches(t.started or 0.0)[-1][1] for t in known)  # that anybody knows of
    begun = sorted((begin, t.number, end, t) for t in known for begin, end in t.stretches(last))
    free: list[float] = []  # when each lane is free again
    bars: dict[str, list[tuple[float, float, int, TrialRecord]]] = {}
    busy = 0.0
    for started, _, until, trial in begun:
        lane = next((i for i, at in enumerate(free) if at <= started + 1e-3), len(free))
        free[lane : lane + 1] = [until]
        busy += until - started
        bars.setdefault(trial.state, []).append((started - first, until - started, lane, trial))
    data = [
        {
            "type": "bar",
            "orientation": "h",
            "name": wording.STATE_WORDS[state],
            "base": [bar[0] for bar in bars[state]],
            "x": [bar[1] for bar in bars[state]],
            "y": [bar[2] + 1 for bar in bars[state]],
            "text": [said(t, wording.span(length)) for _, length, _, t in bars[state]],
            "textposition": "none",
            "hoverinfo": "text",
            "marker": {"color": COLOURS[state], "line": {"color": "white", "width": 0.5}},
        }
        for state in ("COMPLETE", "PRUNED", "FAIL", "RUNNING", "PAUSED", "WAITING")
        if state in bars
    ]
    lanes = len(free)
    share = busy / (lanes * (last - first)) if last > first else 1.0
    caption = (
        f"{wording.span(last - first)} from the first beginning to the last end; "
        f"at most {lanes} at a time, busy {share:.0%} of it."
    )
    drawn = layout(
        min(700, 150 + 34 * lanes),
        "seconds since the first trial began",
        "trials at a time",
        yaxis={"dtick": max(1, lanes // 10), "range": [lanes + 0.6, 0.4], "showgrid": False},
    )
    return Figure(data, drawn | {"barmode": "overlay", "bargap": 0.25}, caption)


def seconds(study: StudyRecord) -> Figure | None:
    """Where each trial's time went, stacked; means of several trials where there are many."""
    trials = [t for _, t in sorted(study.trials.items()) if t.seconds]
    if not trials:
        return None
    every = math.ceil(len(trials) / BARS)
    groups = [trials[i : i + every] for i in range(0, len(trials), every)]
    kinds = list(dict.fromkeys([*KINDS, *(k for t in trials for k in t.seconds)]))
    spent = {kind: sum(t.seconds.get(kind, 0.0) for t in trials) for kind in kinds}
    data = [
        {
            "type": "bar",
            "name": inert(kind),
            "x": [group[0].number for group in groups],
            "y": [sum(t.seconds.get(kind, 0.0) for t in group) / len(group) for group in groups],
            "text": [
                f"trial {group[0].number}: {inert(kind)} "
                f"{sum(t.seconds.get(kind, 0.0) for t in group) / len(group):.3f} s"
                for group in groups
            ],
            "textposition": "none",
            "hoverinfo": "text",
            "marker": {"color": KINDS.get(kind, SOFT)},
        }
        for kind in kinds
        if spent[kind]
    ]
    means = ", ".join(f"{kind} {spent[kind] / len(trials):.3f}" for kind in kinds if spent[kind])
    caption = f"Mean seconds a trial: {means}."
    if every > 1:
        caption += f" Each bar is the mean of {every} trials."
    drawn = layout(300, "trial", "seconds", xaxis=whole(trials[-1].number))
    return Figure(data, drawn | {"barmode": "stack", "bargap": 0.1}, caption)
