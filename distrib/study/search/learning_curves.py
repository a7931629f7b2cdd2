"""What learning curves tell a sampler: of each trial its values at some steps, as if at the end."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from optuna.study import StudyDirection
from optuna.trial import FrozenTrial, TrialState

FACTOR = 3
"""A curve is looked at after 1, 3, 9, ... steps, and at its last."""

FAULTS = ("bad configuration", "out of memory", "diverged")
"""Failures that the configuration is to blame for."""


@dataclass
class Observations:
    """One row per trial and step that it was looked at; higher values are better.

    Attributes:
        trials: (rows,) positions in the list of trials.
        shares: (rows,) how far a trial had come, from 0 after one step to 1 at the end, in
            logarithms of steps.
        values: (rows,) what it had then, and what trials gained from there, in the median.
    """

    trials: np.ndarray
    shares: np.ndarray
    values: np.ndarray


@dataclass
class _Curve:
    """Steps, ascending, and the signed value of a trial at each."""

    steps: np.ndarray
    values: np.ndarray
    ended: bool

    def at(self, step: int) -> float | None:
        """What it had at a step; None before its first report, and beyond its last."""
        place = int(np.searchsorted(self.steps, step, side="right"))
        return float(self.values[place - 1]) if place and step <= self.steps[-1] else None


def observe(trials: Sequence[FrozenTrial], direction: StudyDirection, last: bool) -> Observations:
    """What trials that ended, wait or run have told.

    A trial that failed for its configuration is as far below the worst as that is below the best.

    Args:
        last: whether the value of a trial is what it reported last, not its best.
    """
    sign = 1.0 if direction == StudyDirection.MAXIMIZE else -1.0
    curves = {i: c for i, t in enumerate(trials) if (c := _curve(t, sign, last)) is not None}
    end = max((int(c.steps[-1]) for c in curves.values()), default=1)
    gains = _gains(list(curves.values()), end)
    rows = []
    for i, curve in curves.items():
        own = int(curve.steps[-1])
        for step in [s for s in gains if s < own]:
            value = curve.at(step)
            if value is not None:
                rows.append((i, _share(step, end), value + gains[step]))
        left = 0.0 if curve.ended else _left(gains, own, end)
        rows.append((i, 1.0 if curve.ended else _share(own, end), curve.values[-1] + left))
    values = [value for *_, value in rows]
    worst, best = min(values, default=0.0), max(values, default=0.0)
    failed = worst - ((best - worst) or 1.0)
    rows += [(i, 1.0, failed) for i, t in enumerate(trials) if _is_at_fault(t)]
    found = np.array(rows, float).reshape(-1, 3)
    return Observations(found[:, 0].astype(int), found[:, 1], found[:, 2])


def _curve(trial: FrozenTrial, sign: float, last: bool) -> _Curve | None:
    reports = {s: sign * v for s, v in trial.intermediate_values.items()}
    ended = trial.state == TrialState.COMPLETE
    if trial.state == TrialState.FAIL or not (reports or ended):
        return None
    steps = np.array(sorted(reports), int)
    values = np.array([reports[s] for s in steps], float)
    if not last:
        values = np.maximum.accumulate(values)
    if ended and trial.value is not None:
        if not len(steps):
            steps, values = np.array([1]), np.array([0.0])
        values[-1] = sign * trial.value
    return _Curve(steps, values, ended)


def _is_at_fault(trial: FrozenTrial) -> bool:
    return trial.state == TrialState.FAIL and trial.user_attrs.get("failure") in FAULTS


def _share(step: int, end: int) -> float:
    return float(np.log(step) / np.log(end)) if end > 1 else 1.0


def _gains(curves: Sequence[_Curve], end: int) -> dict[int, float]:
    """Step -> what trials gained from there to the end: from each to the next, in the median."""
    steps = [FACTOR**k for k in range(64) if FACTOR**k < end]
    gains, later, total = {}, end, 0.0
    for step in reversed(steps):
        found = [
            there - here
            for c in curves
            if (here := c.at(step)) is not None
            and (there := c.values[-1] if c.ended else c.at(later)) is not None
        ]
        total += float(np.median(found)) if found else 0.0
        gains[step], later = total, step
    return dict(reversed(gains.items()))


def _left(gains: dict[int, float], step: int, end: int) -> float:
    """What is gained after a step: between those that are known, in proportion to logarithms."""
    known = [*gains, end]
    return float(np.interp(np.log(step), np.log(known), [*gains.values(), 0.0]))
