"""Trials as Optuna keeps them."""

from __future__ import annotations

from typing import Any

from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution
from optuna.trial import FrozenTrial, TrialState, create_trial

SPACE: dict[str, BaseDistribution] = {
    "x": FloatDistribution(0, 1),
    "kind": CategoricalDistribution(["a", "b"]),
}


def trial(
    number: int, state: TrialState, x: float, reports: list[float], **attributes: Any
) -> FrozenTrial:
    """A trial of `SPACE` with a report for each step from 1 on, the last one its value."""
    made = create_trial(
        state=state,
        value=reports[-1] if state == TrialState.COMPLETE else None,
        params={"x": x, "kind": "ab"[number % 2]},
        distributions=SPACE,
        intermediate_values=dict(enumerate(reports, 1)),
        user_attrs=attributes,
    )
    made.number = number
    return made
