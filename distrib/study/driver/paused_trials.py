"""Trials that wait at a rung: who goes on next, what is recorded of a pause, and who never will.

`search_loop.py` asks here; only a study whose rule promotes (`Promotion`) has trials that wait.
"""

from __future__ import annotations

import time
from collections.abc import Collection
from typing import Any

from distrib.records import StudyRecord, TrialRecord
from distrib.study.record.ledger import Ledger
from distrib.study.search.promotion import Promotion
from distrib.study.search.samplers import build_sampler
from distrib.study.search.schedulers import Rule
from distrib.study.space.space import Space


class PausedTrials:
    """The trials of a study that wait.

    Args:
        rule: of the study; where it does not promote, no trial ever waits.
        study: its trials; ledger: where their pauses are written.
        space: of the study; seed: of the study.
    """

    def __init__(
        self, rule: Rule, study: StudyRecord, ledger: Ledger, space: Space, seed: int
    ) -> None:
        self.rule = rule if isinstance(rule, Promotion) else None
        self._study = study
        self._ledger = ledger
        self._space = space
        self._seed = seed

    @property
    def allowed(self) -> bool:
        """Whether a trial that the rule stops waits, rather than comes to its end."""
        return self.rule is not None

    @property
    def trials(self) -> list[TrialRecord]:
        """Those that wait now."""
        return [trial for trial in self._study.trials.values() if trial.state == "PAUSED"]

    def due(self, *, others: bool) -> int | None:
        """The number of the trial that is to go on now; None: nobody's place is earned.

        Args:
            others: whether trials run or are still to begin. Where none does, who waits has nobody
                to be measured against: if no trial has come to its end, the best of them does.
        """
        if self.rule is None:
            return None
        if self.rule.next is None and not others and self._lacks_whole:
            return self.rule.foremost()
        return self.rule.next

    def may_go_on(self, running: Collection[TrialRecord]) -> bool:
        """Whether these trials that run may yet make one go on that waits, or will wait."""
        if self.rule is None or not running:
            return False
        last = max(self.rule.milestones, default=0)
        if any(record.rung < last for record in running):
            return True
        return bool(self.rule.waiting) and self._lacks_whole  # those that run may fail

    def pause(self, record: TrialRecord) -> None:
        """A trial waits from now on."""
        record.state = "PAUSED"
        record.pauses.append([time.time()])
        self._ledger.pause(record)

    def go_on(self, record: TrialRecord) -> dict[str, Any]:
        """A trial that waited goes on; its configuration."""
        drawn = self.reopen(record)
        record.state = "RUNNING"
        record.pauses[-1].append(time.time())
        self._ledger.go_on(record)
        self.leaves(record.number)
        return drawn

    def leaves(self, number: int) -> None:
        """A trial waits no more, if it did: it has gone on, or come to its end."""
        if self.rule is not None:
            self.rule.leaves(number)

    def reopen(self, record: TrialRecord) -> dict[str, Any]:
        """The configuration of a trial that waited: whole, so that nothing of it is searched."""
        sampler = build_sampler("random", self._seed, record.number, {})
        return self._ledger.reopen(record.number, self._space, sampler)

    @property
    def _lacks_whole(self) -> bool:
        """Whether no trial has come to its end yet."""
        return all(trial.state != "COMPLETE" for trial in self._study.trials.values())
