"""What may be said of a winner beside the baselines, in words.

Where differences were taken row by row (`gains` of a winner) each baseline is better, worse or not
told apart. Elsewhere all that is known are figures, and the winner's own interval.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

from distrib.records import StudyRecord, is_bound, named, unbeaten

Verdict = Literal["better", "worse", "not told apart"]

PARTS = ("test", "validation")
"""In the order of what they are worth: only the test part was never looked at before."""

COMPARED, WINNER = "compared.parquet", "winner"
"""In `best/`, figures by row: part, model (the winner, or a baseline), id, group and metrics."""

LEAST = 8
"""Fewer rows, or groups, say nothing of how much they vary: there is no interval."""

NO_CHANGE, TRAINING_MEAN = "no change", "training mean"
"""Baselines that know nothing of single rows; the second knows what all rows share."""

UNCENTRED = ("pearson", "rmse", "mae", "mse", "l2")
"""Metrics in which what all rows share counts: a response of all, or the error of one control."""

_SHARED = " (by what all rows share)"

_THAN: dict[Verdict | None, str] = {
    "better": "better than",
    "not told apart": "not told apart from",
    "worse": "worse than",
}


def verdict(low: float | None, high: float | None) -> Verdict | None:
    """What the interval of a gain allows to be said of who gains; None without an interval."""
    if low is None or high is None:
        return None
    return "better" if low > 0 else "worse" if high < 0 else "not told apart"


def said(metric: str, gains: Mapping[str, Sequence[float | None]], baseline: str) -> str:
    """The verdict over a baseline, in words; nothing without an interval.

    To be better than no change and not than the training mean takes nothing but what all rows
    share, and that may be the error of the control that was taken from each.

    Args:
        gains: baseline -> [gain, low, high] of this metric.
    """
    found = verdict(*gains[baseline][1:])
    shared = (
        found == "better"
        and baseline == NO_CHANGE
        and metric in UNCENTRED
        and TRAINING_MEAN in gains
        and verdict(*gains[TRAINING_MEAN][1:]) != "better"
    )
    return (found or "") + _SHARED * shared


def claims(
    study: StudyRecord,
    winner: Mapping[str, Any],
    baselines: Mapping[str, Mapping[str, float]],
) -> list[str]:
    """Lines, the most important first: the gain over the best baseline, then what goes with it.

    Args:
        winner: `validation` and `test` figures by metric, and `gains` where they are known: part ->
            `rows`, `groups`, `tried` (for how many configurations the intervals allow), `metrics`
            -> metric -> baseline -> [gain, low, high].
        baselines: name -> metric -> value, test figures as `test/<metric>`.
    """
    known = winner.get("gains", {})
    if not known:
        return unbeaten(study, winner, baselines)
    lines = []
    for part in PARTS:
        for metric, gains in known.get(part, {}).get("metrics", {}).items():
            if gains:
                lines.append(_claim(study, winner, part, metric, known[part], gains))
        if part in known:
            lines += _caveats(study, part, known)
    if any(_SHARED in line for line in lines):
        lines.append(
            f"what all rows share is a response of all, or the error of the control that was taken "
            f"from each: a gain over {NO_CHANGE} without one over the {TRAINING_MEAN} says nothing "
            "of single rows, and noise can win it"
        )
    return [*lines, *turned(study, winner, baselines)]


def count(winner: Mapping[str, Any], part: str) -> str:
    """`n = 38`, or `n = 38 rows in 12 groups`; nothing where it is not known."""
    found = winner.get("gains", {}).get(part)
    if found is None:
        return ""
    if found["groups"] == found["rows"]:
        return f"n = {found['rows']}"
    return f"n = {found['rows']} rows in {found['groups']} groups"


def heading(study: StudyRecord, winner: Mapping[str, Any], part: str) -> str:
    """What a part's figures are worth, and how many rows they are of, to stand in a heading."""
    what = "a claim about new data" if part == "test" else "selected on"
    if part == "test" and not winner.get("test"):
        what = "none set aside"
    if part == "validation" and study.selects == "best" and part in winner.get("gains", {}):
        what += f", the {study.unit} too"
    return ", ".join(filter(None, (what, count(winner, part))))


def worth_words(winner: Mapping[str, Any]) -> str:
    """Which of the figures are a claim about new data."""
    if winner.get("test"):
        return "Only test figures are a claim about new data"
    return "There is no test part: none of the figures is a claim about new data"


def turned(
    study: StudyRecord,
    winner: Mapping[str, Any],
    baselines: Mapping[str, Mapping[str, float]],
) -> list[str]:
    """A line where the winner is above a baseline on validation data, and below it on test data."""
    found = turned_baselines(study, winner, baselines)
    return [f"{study.metric}: {words}" for words in turned_words(found)]


def turned_words(found: Mapping[str, Verdict | None]) -> list[str]:
    """What turned baselines mean: a line for those of which it can be told, one for the others."""
    lost = [named(name) for name, told in found.items() if told == "worse"]
    open_ = [named(name) for name, told in found.items() if told != "worse"]
    lines = []
    if lost:
        lines.append(
            f"ahead of {', '.join(lost)} on validation data, worse on test data: what was selected "
            "did not hold"
        )
    if open_:
        lines.append(
            f"ahead of {', '.join(open_)} on validation data, behind on test data, but not told "
            "apart there: which is better is open"
        )
    return lines


def turned_baselines(
    study: StudyRecord,
    winner: Mapping[str, Any],
    baselines: Mapping[str, Mapping[str, float]],
    metric: str | None = None,
) -> dict[str, Verdict | None]:
    """Baselines that a winner is ahead of on validation data and behind on test data: what the
    interval of the difference on test data says; None where there is none.
    """
    metric = metric or study.metric
    sign = 1.0 if study.metrics.get(metric, study.direction) == "max" else -1.0
    own = [winner.get(part, {}).get(metric) for part in ("validation", "test")]
    if None in own:
        return {}
    gains = winner.get("gains", {}).get("test", {}).get("metrics", {}).get(metric, {})
    return {
        name: verdict(*gains[name][1:]) if name in gains else None
        for name, values in baselines.items()
        if metric in values
        and f"test/{metric}" in values
        and not is_bound(name)
        and sign * (own[0] - values[metric]) > 0 > sign * (own[1] - values[f"test/{metric}"])
    }


def _claim(
    study: StudyRecord,
    winner: Mapping[str, Any],
    part: str,
    metric: str,
    found: Mapping[str, Any],
    gains: Mapping[str, Sequence[float | None]],
) -> str:
    best = min(gains, key=lambda name: gains[name][0] or 0.0)
    gain, low, high = gains[best]
    assert gain is not None
    ahead = study.metrics.get(metric, "max") == "max"
    way = "above" if (gain >= 0) == ahead else "below"
    value = winner.get(part, {}).get(metric)
    shown = f"{metric} {value:.4f}" if value is not None else metric
    told = (
        f"{part} ({count(winner, part)}): {shown} is {small_figure(abs(gain))} {way} the best "
        f"baseline, {named(best)}"
    )
    if low is None or high is None:
        few = "rows" if found["groups"] == found["rows"] else "groups"
        why = f"too few {few} for an interval"
        if found["groups"] >= LEAST:
            why = f"the best of {found['tried']} configurations on these same rows, no claim"
        return f"{told}; {why}"
    told += (
        f" (gain {small_figure(gain)}, 95% interval {small_figure(low)} to {small_figure(high)}): "
    )
    told += said(metric, gains, best)
    others: dict[Verdict | None, list[str]] = {}
    for name, (_, lower, upper) in gains.items():
        kind = verdict(lower, upper)
        more = said(metric, gains, name).removeprefix(kind or "")
        others.setdefault(kind, []).append(named(name) + more)
    words = [
        f"{than} {', '.join(others[kind])}"
        for kind, than in _THAN.items()
        if kind in others and len(gains) > 1
    ]
    more = "; ".join(words)
    return f"{told}. {more[:1].upper()}{more[1:]}" if words else told


def _caveats(study: StudyRecord, part: str, known: Mapping[str, Any]) -> list[str]:
    if part == "test":
        return []
    lines = []
    found = known[part]
    told = any(gain[1] is not None for of in found["metrics"].values() for gain in of.values())
    if found["tried"] > 1 and told:
        lines.append(
            f"validation: these intervals hold for all {found['tried']} configurations tried at "
            "once, whichever was chosen"
        )
    if study.selects == "best":
        allowed = "for which no interval allows: " if told else ""
        lines.append(
            f"validation: the {study.unit} was chosen on these same rows as well, {allowed}"
            + ("take the test part's word" if "test" in known else "a test part would tell")
        )
    return lines


def small_figure(value: float) -> str:
    """A difference of figures: four digits behind the point, or two that are not zero."""
    if value == 0 or 5e-4 <= abs(value) < 1e5:
        return f"{value:.4f}"
    return f"{value:.2g}"
