"""ASHA by promotion: a trial waits at its rung, and goes on once its place there is earned."""

from __future__ import annotations

from collections.abc import Sequence

from distrib.study.search.asha import highest, milestones

PAUSES = "pauses"
"""The attribute of a trial in the ledger that tells when it waited (`TrialRecord.pauses`).

To Optuna it runs meanwhile, since it takes up no trial again that has ended."""


def waits(pauses: Sequence[Sequence[float]] | None) -> bool:
    """Whether the last of these pauses lasts."""
    return pauses is not None and len(pauses) > 0 and len(pauses[-1]) == 1


class Promotion:
    """Asynchronous successive halving by promotion (Li et al. 2020, arXiv:1810.05934, algorithm 2).

    Of the n trials that came to a rung, the best n/factor (rounded down) may go on; whoever has
    nothing to do takes the highest rung that has one of these which waits, and else begins a new
    trial. The stopping form decides at once, for ever, by the trials that came before; here a trial
    that is overtaken late has not gone on in vain, and one that proves good late still goes on.

    It follows from what it is told, in the order in which it is told it.

    Attributes:
        waiting: number -> the rung at which it waits.
        next: the number of the trial that should go on now; None where none has earned it.
    """

    def __init__(self, grace: int, factor: float, max_budget: int) -> None:
        self.factor = factor
        self.milestones = milestones(grace, factor, max_budget)
        self.waiting: dict[int, int] = {}
        self.next: int | None = None
        self._rungs: dict[int, dict[int, float]] = {m: {} for m in self.milestones}
        self._fidelity: dict[int, int] = {}  # at which those that wait do so

    def stops(self, number: int, fidelity: int, value: float) -> bool:
        """Tell the best value of a trial after `fidelity` units; whether it is to wait now."""
        if fidelity > self._fidelity.get(number, fidelity):
            self.leaves(number)  # so it did, though nobody said so
        for milestone in self.milestones:
            rung = self._rungs[milestone]
            if fidelity < milestone or number in rung:
                continue
            rung[number] = value
            self.waiting[number], self._fidelity[number] = milestone, fidelity
            self._choose()
            if self.next != number:
                return True
            self.leaves(number)
        return False

    def leaves(self, number: int) -> None:
        """A trial waits no more, if it did: it has gone on, or come to its end."""
        if self.waiting.pop(number, None) is not None:
            del self._fidelity[number]
            self._choose()

    def foremost(self) -> int | None:
        """The best of those that wait at the highest rung, None where nobody waits."""
        if not self.waiting:
            return None
        return next(n for n in self._ranked(max(self.waiting.values())) if n in self.waiting)

    def rung(self, number: int, fidelity: int) -> int:
        return highest(self.milestones, fidelity)

    def _choose(self) -> None:
        self.next = None
        for milestone in reversed(self.milestones):
            ranked = self._ranked(milestone)
            for number in ranked[: int(len(ranked) / self.factor + 1e-9)]:
                if self.waiting.get(number) == milestone:
                    self.next = number
                    return

    def _ranked(self, milestone: int) -> list[int]:
        """Who came to a rung, the best first."""
        rung = self._rungs[milestone]
        return sorted(rung, key=lambda number: (-rung[number], number))
