"""Rules that stop a trial early, and their choice: `asha.py` (Hyperband too), `promotion.py`, which
lets it wait instead, `median.py`, or none.

A rule is told every value in the order of the ledger and answers whether its trial should stop.
It knows numbers only, so a resumed study rebuilds it exactly by telling it the ledger again.
"""

from __future__ import annotations

from typing import Protocol

from distrib.errors import InputError
from distrib.study.search.asha import Asha, Hyperband
from distrib.study.search.median import Median
from distrib.study.search.promotion import Promotion

NAMES = ("asha", "asha-promotion", "hyperband", "median", "none")


class Rule(Protocol):
    """A stopping rule. Values are signed so that higher is better."""

    milestones: tuple[int, ...]

    def stops(self, number: int, fidelity: int, value: float) -> bool:
        """Tell the best value of trial `number` after `fidelity` units; whether it should stop."""

    def rung(self, number: int, fidelity: int) -> int:
        """The highest milestone of this trial at or below `fidelity`, 0 before the first."""


class Never:
    """No trial is stopped early."""

    milestones: tuple[int, ...] = ()

    def stops(self, number: int, fidelity: int, value: float) -> bool:
        return False

    def rung(self, number: int, fidelity: int) -> int:
        return 0


def build_rule(name: str, *, grace: int, factor: float, max_budget: int, seed: int) -> Rule:
    """The rule of this name.

    Raises:
        InputError: a grace beyond the most units, or a factor that halves nothing.
    """
    if name == "none" or max_budget <= 1:
        return Never()
    if not 1 <= grace <= max_budget:
        raise InputError(
            "a grace period outside the budget of a trial",
            where="grace",
            found=grace,
            expected=f"1 to {max_budget}",
        )
    if not factor > 1:
        raise InputError(
            "a reduction factor that stops no trial",
            where="reduction_factor",
            found=factor,
            expected="above 1",
        )
    if name == "asha":
        return Asha(grace, factor, max_budget)
    if name == "asha-promotion":
        return Promotion(grace, factor, max_budget)
    if name == "hyperband":
        return Hyperband(grace, factor, max_budget, seed)
    return Median(grace, max_budget)
