"""Where ASHA decides which trial stops, and asynchronous Hyperband, which is ASHA in brackets."""

from __future__ import annotations

import math
from collections.abc import Iterable

import numpy as np


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
        return highest(self.milestones, fidelity)


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


def milestones(grace: int, factor: float, max_budget: int) -> tuple[int, ...]:
    """grace, grace * factor, grace * factor^2, ... below `max_budget`."""
    count = math.floor(math.log(max_budget / grace) / math.log(factor) + 1e-9) + 1
    units = (round(grace * factor**k) for k in range(count))
    return tuple(sorted({u for u in units if u < max_budget}))


def highest(milestones: Iterable[int], fidelity: int) -> int:
    """The last milestone that a trial of this fidelity has come to; 0 before the first."""
    return max((m for m in milestones if m <= fidelity), default=0)
