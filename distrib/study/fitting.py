"""A plan fitted to its data: what these do not allow is left out, or refused if asked for."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace

from distrib.errors import InputError
from distrib.study.options import Plan
from distrib.study.space import Space
from distrib.trainables.base import Unfit


def fit_plan(plan: Plan, unfit: Iterable[Unfit], say: Callable[[str], None]) -> Plan:
    """The plan without what the data do not allow; each omission is told.

    Raises:
        InputError: nothing else is left, or the user fixed just this.
    """
    for part in unfit:
        if part.name == "metric":
            plan = _without_metric(plan, part, say)
        else:
            plan = replace(plan, space=_without_value(plan, part, say))
    return plan


def _without_metric(plan: Plan, part: Unfit, say: Callable[[str], None]) -> Plan:
    metrics = tuple(m for m in plan.metrics if m.name != part.value)
    if plan.objective.name != part.value:
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


def _without_value(plan: Plan, part: Unfit, say: Callable[[str], None]) -> Space:
    space = plan.space
    here = [p for p in space.parameters if p.name == part.name]
    default = plan.family.Config.model_fields[part.name].default
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
