"""A study in Ray: its search in actors that are kept, then what is done with the winner."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, nullcontext
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from distrib.records import StudyRecord, Tracker
from distrib.study.driver.finish import finish
from distrib.study.driver.initial_trials import default_params
from distrib.study.driver.loading import Loaded, Say, request
from distrib.study.driver.outcome import Outcome, Phase
from distrib.study.driver.place import Opened
from distrib.study.driver.search_loop import Limits, Search
from distrib.study.driver.tuner import run_search
from distrib.study.record.run_folder import RunFolder
from distrib.study.search.promotion import Promotion
from distrib.study.worker import tasks
from distrib.study.worker.trial_actor import LateChannel
from distrib.study.worker.trial_runner import Context
from distrib.study.worker.worker_group import GroupFactory

# An actor that only looks after its workers runs on the head, and takes no CPU from them.
ACTOR_OF_A_GROUP = {"node:__internal_head__": 0.0001}


@dataclass
class StudyRunner:
    """A study whose data are loaded and whose folder is held.

    Attributes:
        group_factory: makes the groups of workers, where a trial is trained by one.
        outcome: filled by the methods, which are called in their order.
    """

    loaded: Loaded
    opened: Opened
    group_factory: GroupFactory | None
    outcome: Outcome

    def search(self, scratch: Path, trackers: Sequence[Tracker], tell: Say) -> None:
        """Run all trials, to the last, to the time budget or to Ctrl-C.

        Args:
            scratch: a folder for Tune's own files.

        Raises:
            OSError: the disk takes no more; the study can be resumed.
        """
        began = time.monotonic()
        plan, record, outcome = self.loaded.plan, self.opened.record, self.outcome
        search = self._prepared(trackers, tell)
        actor = {
            "context": self._context(),
            "folder": str(self.opened.folder.path),
            "echo": plan.options.debug,
            "group": self.group_factory,
        }
        bundle = ACTOR_OF_A_GROUP if self.group_factory else plan.options.resources.bundle()
        try:
            run_search(search, actor, bundle, scratch, self._get_ready_to_finish)
        finally:
            outcome.interrupted = search.interrupted or search.error is not None
            for tracker in trackers:
                tracker.study_ended(record, outcome.interrupted)
        outcome.seconds["search"] = time.monotonic() - began
        more = len(record.trials) < record.num_trials
        if not outcome.interrupted and search.spent and (search.unfinished or more):
            outcome.cut = True
            ended = sum(trial.is_over for trial in record.trials.values())
            paused = len(search.paused.trials)
            amid = len(search.unfinished) - paused
            outcome.notes.append(
                f"the time budget ended the search after {ended} of {record.num_trials} trials"
                + (f", {amid} amid their training" if amid else "")
                + (f", {paused} paused" if paused else "")
            )

    def finish(self, phase: Phase, meanwhile: Callable[[RunFolder, StudyRecord], None]) -> None:
        """Train the winner on every row and judge it; Ctrl-C leaves that for a resume.

        Args:
            meanwhile: done in a thread of its own beside it.
        """
        began = time.monotonic()
        loaded, outcome = self.loaded, self.outcome
        channel = None
        if self.group_factory is not None and outcome.study.best() is not None:
            channel = LateChannel(partial(self.group_factory.channel, self._context()))
        try:
            with closing(channel) if channel else nullcontext(), ThreadPoolExecutor(1) as beside:
                done = beside.submit(meanwhile, outcome.folder, outcome.study)
                finish(
                    loaded.plan,
                    outcome,
                    loaded.spec,
                    self._assistant,
                    loaded.data,
                    loaded.test,
                    phase,
                    channel,
                )
                done.result()
        except KeyboardInterrupt:
            outcome.interrupted = True
        outcome.seconds["finish"] = time.monotonic() - began

    def _prepared(self, trackers: Sequence[Tracker], tell: Say) -> Search:
        plan, options = self.loaded.plan, self.loaded.plan.options
        budget = options.time_budget
        return Search(
            self.opened.record,
            family=plan.family,
            space=plan.space,
            ledger=self.opened.ledger,
            folder=self.opened.folder,
            rule=plan.rule(),
            limits=Limits(
                plan.trials,
                self.loaded.concurrent,
                options.keep,
                time.monotonic() + budget if budget else math.inf,
                options.stall_timeout,
            ),
            seed=options.seed,
            sampler=plan.sampler,
            defaults=default_params(plan),
            trackers=trackers,
            tell=tell,
        )

    def _context(self) -> Context:
        plan = self.loaded.plan
        return Context(
            plan.space.trainable,
            plan.objective.name,
            [self.loaded.data],
            self.opened.record.milestones,
            plan.worker,
            plan.options.save_every,
            plan.options.allow_custom,
            keeps_best=not plan.refit,
            carrier=self.loaded.spec.carrier,
            pauses=isinstance(plan.rule(), Promotion),
        )

    def _get_ready_to_finish(self) -> None:
        if self.loaded.assistant is not None:
            self.loaded.assistant.get_ready.remote()

    def _assistant(self) -> Any:
        if self.loaded.assistant is not None:
            return self.loaded.assistant
        return tasks.start_assistant(self.loaded.spec, **request(self.loaded.plan))
