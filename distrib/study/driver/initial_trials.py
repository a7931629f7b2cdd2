"""Configurations that a search does not draw: an earlier study's best, and the family's defaults.

A search should not end below what the family offers without one. But its defaults come late: a
good trial at the very beginning draws a sampler into its neighbourhood, and lets early stopping end
what it has yet to learn from (experiments/mlp_study).
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from distrib.errors import InputError
from distrib.study.driver.study_file import read_study, record_of, rule_of
from distrib.study.plan.plan import Plan
from distrib.study.record.ledger import Ledger
from distrib.study.record.run_folder import open_run_folder
from distrib.study.space.space import label

WARM = 5  # configurations taken over from an earlier study
LEARNING = ("tpe", "gp")
DEFAULTS_AT = 20
"""The number of the trial that has the family's defaults, however many there are in all."""


def warm_params(plan: Plan, earlier: Path) -> list[dict[str, Any]]:
    """Values of the searched parameters for the first trials, the best of an earlier study.

    What a configuration lacks is drawn.

    Args:
        earlier: the folder of that study.

    Raises:
        InputError: there is no such study, or none of its dimensions is one of this space.
    """
    folder = open_run_folder(earlier)
    content = read_study(folder.study_yaml)
    stored = record_of(content)
    ledger = Ledger(folder.ledger, stored.name, read_only=True)
    stored.trials = ledger.records(stored, rule_of(content))
    found: list[dict[str, Any]] = []
    for trial in stored.ranked()[:WARM]:
        params = _within(plan, trial.params)
        if params and params not in found:
            found.append(params)
    if not found:
        raise InputError(
            "no trial of this study fits the space",
            file=earlier,
            where="--warm-start",
            expected=f"values of {', '.join(p.name for p in plan.space.searched())}",
        )
    return found


def default_params(plan: Plan) -> dict[str, Any]:
    """The family's defaults of the searched parameters; empty where no trial is to have them.

    They are for samplers that learn, and not where a dimension is a grid, since its points are
    dealt in their order.
    """
    if plan.sampler not in LEARNING or plan.space.grid():
        return {}
    fields = plan.family.Config.model_fields
    return _within(
        plan,
        {
            p.name: label(fields[p.name].default)
            for p in plan.space.searched()
            if not fields[p.name].is_required()
        },
    )


def _within(plan: Plan, params: dict[str, Any]) -> dict[str, Any]:
    """Those of the values that lie in the space."""
    searched = {p.name: p.distribution() for p in plan.space.searched()}
    return {k: v for k, v in params.items() if k in searched and _contains(searched[k], v)}


def _contains(distribution: Any, value: Any) -> bool:
    try:
        return bool(distribution._contains(distribution.to_internal_repr(value)))
    except (ValueError, TypeError):
        return False
