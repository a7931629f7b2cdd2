"""What learning curves tell a sampler: each trial's values at some steps, brought to the end."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from optuna.study import StudyDirection
from optuna.trial import FrozenTrial, TrialState

FACTOR = 3
"""A curve is looked at after 1, 3, 9, ... steps, and at its last."""

HUGE = 1e100
"""Values beyond are as good or bad as this: squares of more are infinite."""

FAULTS = ("bad configuration", "out of memory", "diverged", "bug")
"""Failures that the configuration is to blame for, or may be: what raises there may do so again."""


@dataclass
class Observations:
    """A row for each step at which a trial was looked at, its last one last; higher is better.

    Attributes:
        trials: (rows,) positions in the list of trials.
        shares: (rows,) how far it had come, in logarithms of steps: 0 after one, 1 at the end.
        values: (rows,) what it had there, and what others gained from there on.
        ends: (rows,) bool, whether it is the last row of its trial.
    """

    trials: np.ndarray
    shares: np.ndarray
    values: np.ndarray
    ends: np.ndarray


def tells(trial: FrozenTrial) -> bool:
    """Whether the values of a trial say how good its configuration is."""
    if trial.state == TrialState.COMPLETE:
        return True
    return trial.state != TrialState.FAIL and bool(_reports(trial))


def observe(trials: Sequence[FrozenTrial], direction: StudyDirection, last: bool) -> Observations:
    """What trials that are complete, were stopped or still run have told.

    The end is the last step that any has come to. A trial that failed for its configuration is as
    far below the worst value as that is below the best.

    Args:
        last: whether the value of a trial is what it reported last, not its best.
    """
    sign = 1.0 if direction == StudyDirection.MAXIMIZE else -1.0
    curves = {i: _Curve(t, sign, last) for i, t in enumerate(trials) if tells(t)}
    end = max((int(curve.steps[-1]) for curve in curves.values()), default=1)
    steps = [*(FACTOR**k for k in range(64) if FACTOR**k < end), end]
    gains = _gains(list(curves.values()), steps)

    def row(i: int, step: int, value: float) -> tuple[int, float, float]:
        share = np.log(step) / np.log(end) if end > 1 else 1.0
        return i, share, value + np.interp(np.log(step), np.log(steps), gains)

    rows = []
    for i, curve in curves.items():
        own = int(curve.steps[-1])
        before = [(s, v) for s in steps if s < own and (v := curve.at(s)) is not None]
        rows += [row(i, step, value) for step, value in before]
        rows.append(row(i, end if curve.ended else own, curve.values[-1]))
    values = [value for _, _, value in rows]
    worst, best = min(values, default=0.0), max(values, default=0.0)
    failed = worst - ((best - worst) or 1.0)
    rows += [(i, 1.0, failed) for i, t in enumerate(trials) if _is_at_fault(t)]
    found = np.array(rows, float).reshape(-1, 3)
    numbers = found[:, 0].astype(int)
    ends = np.append(np.diff(numbers) != 0, [True] * bool(len(found)))
    return Observations(numbers, found[:, 1], found[:, 2], ends)


class _Curve:
    """(steps,) at which a trial reported, and its signed value at each; whether it is complete."""

    def __init__(self, trial: FrozenTrial, sign: float, last: bool) -> None:
        reports = _reports(trial)
        self.ended = trial.state == TrialState.COMPLETE
        self.steps = np.array(sorted(reports) or [1])
        self.values = sign * np.array([reports.get(s, trial.value) for s in self.steps], float)
        if not last:
            self.values = np.maximum.accumulate(self.values)
        if self.ended:
            self.values[-1] = sign * trial.values[0]
        self.values = self.values.clip(-HUGE, HUGE)

    def at(self, step: int) -> float | None:
        """What it had at a step; None before its first report, and beyond its last."""
        if not self.steps[0] <= step <= self.steps[-1]:
            return None
        return float(self.values[np.searchsorted(self.steps, step, side="right") - 1])

    def later(self, step: int) -> float | None:
        """The same; of a complete one its value, beyond its last report."""
        return float(self.values[-1]) if self.ended and step > self.steps[-1] else self.at(step)


def _reports(trial: FrozenTrial) -> dict[int, float]:
    """Step -> finite value; one that diverges is about to fail."""
    return {max(s, 1): v for s, v in trial.intermediate_values.items() if math.isfinite(v)}


def _gains(curves: Sequence[_Curve], steps: Sequence[int]) -> list[float]:
    """(steps,) what is gained from each to the last: from one to the next in the median.

    Each median is of those trials that came so far, so that the many which were stopped early say
    what is gained early; the rest is what those gained that were good enough to go on.
    """
    gains = [0.0]
    for step, after in zip(steps[-2::-1], steps[:0:-1]):
        found = [
            there - here
            for curve in curves
            if (here := curve.at(step)) is not None and (there := curve.later(after)) is not None
        ]
        gains.append(gains[-1] + (float(np.median(found)) if found else 0.0))
    return gains[::-1]


def _is_at_fault(trial: FrozenTrial) -> bool:
    return trial.state == TrialState.FAIL and trial.user_attrs.get("failure") in FAULTS
