"""One study from its plan to its winner."""

from __future__ import annotations

import importlib
import math
import shutil
import sys
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from distrib.cluster.connect import describe
from distrib.cluster.environment import set_environment
from distrib.errors import InputError
from distrib.records import StudyRecord, Tracker
from distrib.study.folder import RunFolder, check_free, create_run_folder
from distrib.study.ledger import Ledger
from distrib.study.loading import Say, load, ray_of, request
from distrib.study.options import Plan
from distrib.study.search import Limits, Search
from distrib.study.start import default_params, warm_params
from distrib.study.study_file import record_of, write_study

# A slot that only looks after its workers runs on the head, and takes no CPU from them.
SLOT_OF_A_GROUP = {"node:__internal_head__": 0.0001}

Phase = Callable[[str, int, int], None]


@dataclass
class Outcome:
    """What a study came to.

    Attributes:
        cut: whether the time budget ended the search.
        winner: metrics of the winner: `validation`, `test`, and, where they were asked for,
            `confirmed`: trial -> mean and spread over fresh seeds.
        baselines: name -> metric -> value, test figures as `test/<metric>`.
        seconds: whole seconds by phase.
    """

    folder: RunFolder
    study: StudyRecord
    interrupted: bool = False
    cut: bool = False
    winner: dict[str, Any] = field(default_factory=dict)
    baselines: dict[str, dict[str, float]] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    seconds: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Place:
    """Where a new study goes: `out/name`, or `out/<space>-<number>` where name is None."""

    out: Path = Path("runs")
    name: str | None = None
    warm_start: Path | None = None


def check_place(plan: Plan, place: Place) -> list[dict[str, Any]]:
    """The configurations that a new study begins with, where it can be begun there.

    Raises:
        InputError: its name is taken, nothing can be written there, or what it is to begin with is
            no study of such a space.
    """
    check_free(place.out, place.name)
    return warm_params(plan, place.warm_start) if place.warm_start else []


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
) -> Outcome:
    """Carry a plan out: load, search, train the winner on every row, judge it on the test part.

    Args:
        place: where a new study goes; or the folder of a study to resume, then with its `stored`
            description.
        trackers: who looks on, given the folder.
        meanwhile: done in a thread of its own beside the last training, when all trials have ended.
        say: tells the reader a line. phase: tells how far a phase is: name, done, of how many.

    Raises:
        InputError: something that was asked for cannot be had; nothing is left behind.
        OSError: the disk takes no more; the study can be resumed.
    """
    began = time.monotonic()
    options = plan.options
    with ExitStack() as stack:
        if isinstance(place, Place):
            warm = check_place(plan, place)
        else:
            warm = []
            stack.enter_context(place.locked())
        set_environment(options.address)
        # Ray's start is mostly waiting for its processes: import what comes next meanwhile.
        imports = threading.Thread(target=importlib.import_module, args=("distrib.study.tuner",))
        imports.start()
        stack.callback(imports.join)
        cluster = stack.enter_context(ray_of(plan))

        from distrib.cluster.shared import check_shared
        from distrib.study import tasks
        from distrib.study.finish import finish
        from distrib.study.group import Maker, leave_nothing, start_mailbox
        from distrib.study.loop import Context
        from distrib.study.room import room_watched
        from distrib.study.tuner import run_search

        mailbox = None
        if options.resources.group:
            if options.address is not None:  # a Ray of our own ends with all that it holds
                stack.callback(leave_nothing)
            mailbox = start_mailbox()
        loaded = load(plan, cluster, say)
        plan, site, data, facts = loaded.plan, loaded.site, loaded.data, loaded.facts

        folder, record, ledger, notes = _open(stack, plan, place, warm, facts, argv, stored)
        if cluster.nodes > 1:
            check_shared(folder.path)
        outcome = Outcome(folder, record)

        def tell(line: str) -> None:
            outcome.notes.append(line)
            say(f"note: {line}")

        for note in notes:
            tell(note)
        if options.address is not None:

            def holds() -> int:
                return describe(cluster.address, cluster.scratch).holds(plan.options.resources)

            stack.enter_context(room_watched(holds, tell))
        watching = list(trackers(folder))
        limits = Limits(
            plan.trials,
            loaded.concurrent,
            options.keep,
            time.monotonic() + options.time_budget if options.time_budget else math.inf,
        )
        search = Search(
            record,
            family=plan.family,
            space=plan.space,
            ledger=ledger,
            folder=folder,
            rule=plan.rule(),
            limits=limits,
            seed=options.seed,
            sampler=plan.sampler,
            defaults=default_params(plan),
            trackers=watching,
            tell=tell,
        )
        context = Context(
            plan.space.trainable,
            plan.objective.name,
            [data],
            record.milestones,
            plan.worker,
            options.save_every,
            options.allow_custom,
        )
        maker = None
        if mailbox is not None:
            # A node may join a cluster later.
            storage = folder.path / ".ray" if options.address else cluster.scratch / "groups"
            storage.mkdir(exist_ok=True)
            stack.callback(shutil.rmtree, storage, ignore_errors=True)
            maker = Maker(
                mailbox, plan.options.resources, str(storage), options.address is not None
            )
        slot = {
            "context": context,
            "folder": str(folder.path.absolute()),
            "echo": options.debug,
            "group": maker,
        }
        ready: list[Any] = []

        def start_finisher() -> Any:
            return ready[0] if ready else tasks.start_finisher(site, **request(plan))

        def prepare_finisher() -> None:
            # On a GPU or another node it would take what a trial may still need.
            if options.address is None and not options.resources.gpus:
                ready.append(tasks.start_finisher(site))

        outcome.seconds["start"] = time.monotonic() - began
        began = time.monotonic()
        try:
            bundle = SLOT_OF_A_GROUP if maker else options.resources.bundle()
            run_search(search, slot, bundle, cluster.scratch, prepare_finisher)
        finally:
            outcome.interrupted = search.interrupted or search.error is not None
            for tracker in watching:
                tracker.study_ended(record, outcome.interrupted)
        outcome.seconds["search"] = time.monotonic() - began
        more = len(record.trials) < record.num_trials
        if not outcome.interrupted and search.spent and (search.unfinished or more):
            outcome.cut = True
            ended = sum(trial.state != "RUNNING" for trial in record.trials.values())
            told = f"the time budget ended the search after {ended} of {record.num_trials} trials"
            left = f", {len(search.unfinished)} amid their training" if search.unfinished else ""
            outcome.notes.append(told + left)
        if not outcome.interrupted:
            began = time.monotonic()
            line = maker.line(context) if maker and record.best() else None
            try:
                with ThreadPoolExecutor(1) as beside:
                    done = beside.submit(meanwhile, folder, record)
                    finish(plan, outcome, site, start_finisher, data, loaded.test, phase, line)
                    done.result()
            except KeyboardInterrupt:
                outcome.interrupted = True  # a resume goes on with the last training
            finally:
                if line is not None:
                    line.close()
            outcome.seconds["finish"] = time.monotonic() - began
    return outcome


def _open(
    stack: ExitStack,
    plan: Plan,
    place: Place | RunFolder,
    warm: Sequence[dict[str, Any]],
    facts: dict[str, Any],
    argv: Sequence[str],
    stored: dict[str, Any] | None,
) -> tuple[RunFolder, StudyRecord, Ledger, list[str]]:
    """The folder, a new one locked; its record; its ledger; and what there is to say of them."""
    notes: list[str] = []
    if isinstance(place, RunFolder):
        assert stored is not None
        folder = place
        before = stored["data"].get("fingerprint")
        if before != facts.get("fingerprint"):
            raise InputError(
                "the data have changed since this study began",
                file=folder.path,
                found=facts.get("fingerprint"),
                expected=before,
            )
        record = replace(record_of(stored), num_trials=plan.trials)
        if plan.trials != stored["search"]["trials"]:
            write_study(folder.study_yaml, plan, record, facts, [stored["command"]])
    else:
        folder = create_run_folder(place.out, place.name, plan.space.name)
        stack.enter_context(folder.locked())
        record = _record(plan, folder.path.name)
        write_study(folder.study_yaml, plan, record, facts, argv)
    ledger = Ledger(folder.ledger, record.name, record.direction)
    stack.callback(ledger.close)
    if ledger.repaired:
        notes.append(ledger.repaired)
    if isinstance(place, RunFolder):
        record.trials = ledger.records(record)
    else:
        for params in warm[: plan.trials]:
            ledger.enqueue(params)
    return folder, record, ledger, notes


def _record(plan: Plan, name: str) -> StudyRecord:
    return StudyRecord(
        name=name,
        trainable=plan.space.trainable,
        metric=plan.objective.name,
        direction=plan.objective.direction,
        unit=plan.unit,
        max_units=plan.max_units,
        num_trials=plan.trials,
        selects=plan.selects,
        dimensions=tuple(p.dimension() for p in plan.space.searched()),
        metrics={m.name: m.direction for m in plan.metrics},
        milestones=plan.rule().milestones,
    )
