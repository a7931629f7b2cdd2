"""Where median stopping decides which trial stops."""

from __future__ import annotations

from collections import defaultdict

import numpy as np

from distrib.study.search.asha import highest


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
        return highest(self.milestones, fidelity)
