"""One study from its plan to its winner."""

from __future__ import annotations

import importlib
import sys
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Any

from distrib.cluster.connect import describe
from distrib.cluster.environment import set_environment
from distrib.cluster.interruption import held_back
from distrib.cluster.ray_watch import Lost
from distrib.cluster.usage import Usage, usage_measured
from distrib.records import StudyRecord, Tracker
from distrib.study.driver.deferred_tracker import DeferredTracker
from distrib.study.driver.loading import Say, load, ray_of, starting
from distrib.study.driver.outcome import Outcome, Phase
from distrib.study.driver.place import Place, begin_study, check_place, resume_study
from distrib.study.driver.recovery.resumable import check_resumable
from distrib.study.plan.plan import Plan
from distrib.study.record.disk_wait import wait_for_disk
from distrib.study.record.run_folder import RunFolder


def run_study(
    plan: Plan,
    place: Place | RunFolder,
    *,
    trackers: Callable[[RunFolder], Sequence[Tracker]],
    say: Say,
    phase: Phase,
    meanwhile: Callable[[RunFolder, StudyRecord], None] = lambda folder, study: None,
    argv: Sequence[str] = tuple(sys.argv),
    stored: dict[str, Any] | None = None,
    lost: Lost | None = None,
    carried: Path | None = None,
) -> Outcome:
    """Carry a plan out: load, search, train the winner on every row, judge it on the test part.

    Args:
        place: where a new study goes; or the folder of a study to resume, then with its `stored`
            description.
        trackers: who looks on, given the folder.
        meanwhile: done in a thread of its own beside the last training, when all trials have ended.
        say: tells the reader a line.
        lost: tells the reader that Ray itself is gone, whereupon this process ends with code 130.
        carried: the folder around that of a study which is carried to a URL: on a cluster only the
            driver's machine has it.

    Raises:
        InputError: something that was asked for cannot be had; nothing is left behind.
        OSError: the disk takes no more; the study can be resumed.
    """
    began = time.monotonic()
    foreign = plan.options.address is not None
    with ExitStack() as stack:
        if isinstance(place, Place):
            warm = check_place(plan, place)
        else:
            assert stored is not None
            stack.enter_context(place.locked())
            check_resumable(place, stored, plan.space)
        set_environment(plan.options.address)
        # Ray's start is mostly waiting for its processes: import what comes next meanwhile.
        imports = threading.Thread(
            target=importlib.import_module, args=("distrib.study.driver.study_runner",)
        )
        imports.start()
        stack.callback(imports.join)
        say(starting(plan))
        cluster = stack.enter_context(ray_of(plan, lost))
        with held_back():
            import ray

            from distrib.study.driver.capacity import capacity_watched
            from distrib.study.driver.study_runner import StudyRunner
            from distrib.study.worker.carrier import carrier_of
            from distrib.study.worker.worker_group import group_factory_of, mailbox_kept

        grouped = plan.options.resources.group
        mailbox = stack.enter_context(mailbox_kept(foreign)) if grouped else None
        notes: list[str] = []

        def tell(line: str) -> None:
            notes.append(line)
            say(f"note: {line}")

        def holds() -> int:
            return describe(cluster.address, cluster.scratch).holds(plan.options.resources)

        if foreign:  # what loads the data waits for room, too
            stack.enter_context(capacity_watched(holds, tell))
        carrier = carrier_of(carried) if carried and foreign else None
        loaded = load(plan, cluster, say, carrier)
        plan, facts = loaded.plan, loaded.facts
        shared = cluster.nodes > 1 and carrier is None
        if isinstance(place, Place):
            opened = begin_study(stack, plan, place, warm, facts, argv, shared=shared)
        else:
            assert stored is not None
            opened = resume_study(stack, plan, place, stored, facts, shared=shared)
        folder = opened.folder
        outcome = Outcome(folder, opened.record, notes=notes)
        if opened.ledger.repaired:
            tell(opened.ledger.repaired)
        if foreign:
            outcome.usage = Usage()
            stack.enter_context(usage_measured(outcome.usage, ray.nodes))
        watching = list(trackers(folder))
        group_factory = None
        if mailbox is not None:
            # A node may join a cluster later: what its workers share lies where all nodes see it.
            storage = folder.path / ".ray" if foreign else cluster.scratch / "groups"
            resources = plan.options.resources
            made = group_factory_of(mailbox, resources, storage, foreign, apart=carrier is not None)
            group_factory = stack.enter_context(made)
        runner = StudyRunner(loaded, opened, group_factory, outcome)
        outcome.seconds["start"] = time.monotonic() - began
        told = DeferredTracker(watching, partial(wait_for_disk, folder, opened.ledger))
        runner.search(cluster.scratch, [told], tell)
        if not outcome.interrupted:
            runner.finish(phase, meanwhile)
    return outcome
