"""A plan fitted to its data: what these do not allow is left out, or refused if asked for."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Any

from distrib.errors import InputError
from distrib.study.plan.plan import Plan
from distrib.study.space.space import Space
from distrib.trainables.base import Trainable
from distrib.trainables.capabilities import Unfit


def fit_plan(plan: Plan, unfit: Iterable[Unfit], say: Callable[[str], None]) -> Plan:
    """The plan without what the data do not allow; each omission is told.

    Raises:
        InputError: nothing else is left, or the user fixed just this.
    """
    unfit = list(unfit)
    metrics = {part.value: part for part in unfit if part.name == "metric"}
    plan = _without_metrics(plan, metrics, say)
    return replace(plan, space=fit_space(plan.space, plan.family, unfit, say))


def with_budget(plan: Plan, budget: int | None, say: Callable[[str], None]) -> Plan:
    """The plan with the budget that the data decide; None: as it is."""
    fidelity = plan.family.fidelity
    if budget is None or budget == plan.max_budget or fidelity is None:
        return plan
    if fidelity.config_key in {p.name for p in plan.space.searched()}:
        return plan  # each trial has its own
    say(f"note: these data make {budget} {fidelity.unit}s, not {plan.max_budget}")
    space = plan.space.fix(fidelity.config_key, budget)
    return replace(plan, space=space, max_budget=budget, grace=min(plan.grace, budget))


def fit_space(
    space: Space,
    family: Trainable[Any, Any, Any],
    unfit: Iterable[Unfit],
    say: Callable[[str], None] = lambda line: None,
) -> Space:
    """The space without the values that the data do not allow.

    Raises:
        InputError: a parameter has no other.
    """
    for part in unfit:
        if part.name != "metric":
            space = _without_value(space, family, part, say)
    return space


def _without_metrics(plan: Plan, unfit: Mapping[str, Unfit], say: Callable[[str], None]) -> Plan:
    metrics = tuple(m for m in plan.metrics if m.name not in unfit)
    part = unfit.get(plan.objective.name)
    if part is None:
        return replace(plan, metrics=metrics)
    if plan.options.metric is not None or not metrics:
        raise InputError(
            f"these data have no such metric: {part.reason}",
            where="--metric",
            found=part.value,
            expected=f"one of {', '.join(m.name for m in metrics)}",
        )
    say(f"note: {metrics[0].name} is optimised, not {part.value}: {part.reason}")
    return replace(plan, metrics=metrics, objective=metrics[0])


def _without_value(
    space: Space, family: Trainable[Any, Any, Any], part: Unfit, say: Callable[[str], None]
) -> Space:
    here = [p for p in space.parameters if p.name == part.name]
    default = family.Config.model_fields[part.name].default
    values = here[0].values if here else (default,)
    if part.value not in values:
        return space
    left = tuple(value for value in values if value != part.value)
    if not left:
        raise InputError(
            f"these data do not allow it: {part.reason}",
            where=part.name,
            found=part.value,
            hint=f"--set {part.name}=... with another value",
        )
    say(f"note: {part.name}={part.value} is left out: {part.reason}")
    if len(left) == 1:
        return space.fix(part.name, left[0])
    kept = [replace(p, values=left) if p.name == part.name else p for p in space.parameters]
    return replace(space, parameters=tuple(kept))
