"""What the figures of a report share: their form, colours, layout, and inert texts."""

from __future__ import annotations

import html
import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from distrib.records import TrialRecord
from distrib.tracking import wording

COLOURS = {
    "COMPLETE": "#1f5fa8",
    "PRUNED": "#a9b4c0",
    "FAIL": "#c0362c",
    "RUNNING": "#d97706",
    "PAUSED": "#7c6fb0",
    "WAITING": "#e3e8ee",
}
WINNER = "#d97706"
INK, SOFT, LINE = "#1c2430", "#5d6b7c", "#e3e8ee"


@dataclass(frozen=True)
class Figure:
    """A figure as plotly.js takes it, and a line under it.

    Attributes:
        least: pixels of width that it needs; in a narrower window it is scrolled.
    """

    data: list[dict[str, Any]]
    layout: dict[str, Any]
    caption: str = ""
    least: int = 0


def finite(trial: TrialRecord) -> bool:
    """Whether a trial has a value that can be drawn."""
    return trial.value is not None and math.isfinite(trial.value)


def inert(value: object, room: int = 60) -> str:
    """A text for plotly, which reads HTML in labels: escaped, and cut to `room` characters."""
    shown = " ".join(str(value).split())
    return html.escape(shown if len(shown) <= room else shown[: room - 1] + "…", quote=False)


def said(trial: TrialRecord, *lines: str) -> str:
    """What stands beside the pointer over a trial; `lines` are inert already."""
    head = f"<b>trial {trial.number}</b>, {wording.STATE_WORDS[trial.state]}"
    params = [f"{inert(k, 40)} = {inert(wording.param(v), 40)}" for k, v in trial.params.items()]
    return "<br>".join([head, *lines, *params[:12]])


def layout(height: int, x: str, y: str, **more: Any) -> dict[str, Any]:
    """Axes titled `x` and `y` (inert already), a legend above, no frame."""
    axis = {
        "gridcolor": LINE,
        "zeroline": False,
        "linecolor": LINE,
        "automargin": True,
        "ticks": "outside",
        "tickcolor": LINE,
    }
    merged: dict[str, Any] = {
        "height": height,
        "margin": {"l": 60, "r": 16, "t": 34, "b": 48},
        "font": {"family": "system-ui, DejaVu Sans, sans-serif", "size": 12, "color": INK},
        "paper_bgcolor": "rgba(0,0,0,0)",
        "plot_bgcolor": "rgba(0,0,0,0)",
        "hovermode": "closest",
        "hoverlabel": {"align": "left", "bgcolor": "white", "font": {"color": INK, "size": 12}},
        "legend": {"orientation": "h", "x": 0, "y": 1.02, "yanchor": "bottom"},
        "xaxis": axis | {"title": {"text": x}, "showgrid": False},
        "yaxis": axis | {"title": {"text": y, "standoff": 10}},
    }
    for key, value in more.items():
        merged[key] = merged[key] | value if key in ("xaxis", "yaxis") else value
    return merged


def whole(longest: int) -> dict[str, Any]:
    """What an axis of whole numbers up to this one needs, to have no ticks between them."""
    return {"dtick": 1} if longest < 10 else {}


def chosen(trials: list[TrialRecord], most: int) -> list[TrialRecord]:
    """The best half of `most`, and others evenly out of the rest; `trials` are best first."""
    if len(trials) <= most:
        return trials
    head, rest = trials[: most // 2], trials[most // 2 :]
    wanted = most - len(head)
    return head + [rest[i * len(rest) // wanted] for i in range(wanted)]


def frame(values: Iterable[float], reach: float = 3.0) -> tuple[float, float, int] | None:
    """Limits that show the bulk of values, and how many lie beyond; None without any.

    Limits are `reach` interquartile ranges beyond the quartiles, or the extremes where those are
    nearer: one loss of 1e12 must not press all others into a line.
    """
    ordered = sorted(values)
    if not ordered:
        return None
    low, high = ordered[len(ordered) // 4], ordered[(3 * len(ordered)) // 4]
    bottom, top = (
        max(ordered[0], low - reach * (high - low)),
        min(ordered[-1], high + reach * (high - low)),
    )
    pad = (top - bottom) * 0.05 or abs(top) * 0.05 or 0.5
    beyond = sum(not bottom - pad <= v <= top + pad for v in ordered)
    return bottom - pad, top + pad, beyond
