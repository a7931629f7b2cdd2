"""Rules that stop a trial early: ASHA, asynchronous Hyperband, median stopping, none.

A rule is told every value in the order of the ledger and answers whether its trial should stop.
It knows numbers only, so a resumed study rebuilds it exactly by telling it the ledger again.
"""

from __future__ import annotations

import math
from collections import defaultdict
from typing import Protocol

import numpy as np

from distrib.errors import InputError

NAMES = ("asha", "hyperband", "median", "none")


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


class Asha:
    """Asynchronous successive halving (Li et al. 2020, arXiv:1810.05934), in its stopping form.

    At each rung a trial goes on while it is among the best 1/factor of those that came this far;
    the first one always goes on.
    """

    def __init__(self, grace: int, factor: float, max_budget: int) -> None:
        self.factor = factor
        self.milestones = milestones(grace, factor, max_budget)
        self._rungs: dict[int, dict[int, float]] = {m: {} for m in self.milestones}

    def stops(self, number: int, fidelity: int, value: float) -> bool:
        for milestone in self.milestones:
            rung = self._rungs[milestone]
            if fidelity < milestone or number in rung:
                continue
            rung[number] = value
            if value < np.quantile(list(rung.values()), 1 - 1 / self.factor):
                return True
        return False

    def rung(self, number: int, fidelity: int) -> int:
        return max((m for m in self.milestones if m <= fidelity), default=0)


class Hyperband:
    """Asynchronous Hyperband: ASHA in several brackets, each with a longer grace.

    A trial's bracket is drawn from the study's seed and its number alone, so that neither the order
    of arrival nor a resume changes it.
    """

    def __init__(self, grace: int, factor: float, max_budget: int, seed: int) -> None:
        full = milestones(grace, factor, max_budget)
        self.seed = seed
        self.brackets = [
            Asha(start, factor, max_budget) for start in (*full, max_budget) if start <= max_budget
        ]
        # Hyperband's shares: the bracket with s halvings left gets about factor^s / (s + 1) trials.
        halvings = np.arange(len(self.brackets))[::-1]
        shares = np.ceil(len(self.brackets) / (halvings + 1) * factor**halvings)
        self._shares = shares / shares.sum()
        self.milestones = full

    def _bracket(self, number: int) -> Asha:
        generator = np.random.default_rng([self.seed, number])
        return self.brackets[int(generator.choice(len(self.brackets), p=self._shares))]

    def stops(self, number: int, fidelity: int, value: float) -> bool:
        return self._bracket(number).stops(number, fidelity, value)

    def rung(self, number: int, fidelity: int) -> int:
        return self._bracket(number).rung(number, fidelity)


class Median:
    """Median stopping (Golovin et al. 2017, Vizier): a trial stops where its best value lies below
    the median of the running averages of the others at the same fidelity.
    """

    least = 4  # trials at a fidelity before anybody is judged

    def __init__(self, grace: int, max_budget: int) -> None:
        stride = max(1, max_budget // 20)
        self.milestones = tuple(range(grace, max_budget, stride))
        self._values: dict[int, list[float]] = defaultdict(list)
        self._averages: dict[int, dict[int, float]] = {m: {} for m in self.milestones}

    def stops(self, number: int, fidelity: int, value: float) -> bool:
        seen = self._values[number]
        seen.append(value)
        for milestone in self.milestones:
            averages = self._averages[milestone]
            if fidelity < milestone or number in averages:
                continue
            others = list(averages.values())
            averages[number] = float(np.mean(seen))
            if len(others) >= self.least and max(seen) < np.median(others):
                return True
        return False

    def rung(self, number: int, fidelity: int) -> int:
        return max((m for m in self.milestones if m <= fidelity), default=0)


def milestones(grace: int, factor: float, max_budget: int) -> tuple[int, ...]:
    """grace, grace * factor, grace * factor^2, ... below `max_budget`."""
    count = math.floor(math.log(max_budget / grace) / math.log(factor) + 1e-9) + 1
    units = (round(grace * factor**k) for k in range(count))
    return tuple(sorted({u for u in units if u < max_budget}))


def build_rule(name: str, *, grace: int, factor: float, max_budget: int, seed: int) -> Rule:
    """The rule of this name.

    Raises:
        InputError: a grace beyond the most units, or a factor that halves nothing.
    """
    if name == "none" or max_budget <= 1:
        return Never()
    if not 1 <= grace <= max_budget:
        raise InputError(
            "a grace outside the units of a trial",
            where="grace",
            found=grace,
            expected=f"1 to {max_budget}",
        )
    if not factor > 1:
        raise InputError(
            "a factor that stops nobody", where="reduction_factor", found=factor, expected="above 1"
        )
    if name == "asha":
        return Asha(grace, factor, max_budget)
    if name == "hyperband":
        return Hyperband(grace, factor, max_budget, seed)
    return Median(grace, max_budget)
