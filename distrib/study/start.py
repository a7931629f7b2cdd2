"""The configurations that a search begins with: an earlier study's best, or the family's defaults.

A search should never end below what the family offers without one, and a good trial in the
beginning raises the bar for those that follow.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from distrib.errors import InputError
from distrib.study.folder import open_run_folder
from distrib.study.ledger import Ledger
from distrib.study.options import Plan
from distrib.study.space import label
from distrib.study.study_file import read_study, record_of

WARM = 5  # configurations taken over from an earlier study
LEARNING = ("tpe", "gp", "cmaes")


def first_params(plan: Plan, earlier: Path | None = None) -> list[dict[str, Any]]:
    """Values of the searched parameters for the first trials; what one lacks is drawn.

    Samplers that learn begin with the defaults; not where a dimension is a grid, since its points
    are dealt in their order.

    Args:
        earlier: the folder of a study to take over from instead.

    Raises:
        InputError: there is no such study, or none of its dimensions is one of this space.
    """
    if earlier is None:
        params = _defaults(plan)
        learns = plan.sampler in LEARNING and not plan.space.grid()
        return [params] if params and learns else []
    folder = open_run_folder(earlier)
    stored = record_of(read_study(folder.study_yaml))
    ledger = Ledger(folder.ledger, stored.name, read_only=True)
    stored.trials = ledger.records(stored)
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


def _defaults(plan: Plan) -> dict[str, Any]:
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
