"""Where a study lies: the place of a new one, and its folder, record and ledger, opened."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from distrib.errors import InputError
from distrib.records import StudyRecord
from distrib.study.driver.initial_trials import warm_params
from distrib.study.driver.study_file import record_of, write_study
from distrib.study.plan.plan import Plan
from distrib.study.record.ledger import Ledger
from distrib.study.record.run_folder import RunFolder, check_free, create_run_folder


@dataclass(frozen=True)
class Place:
    """Where a new study goes: `out/name`, or `out/<space>-<number>` where name is None."""

    out: Path = Path("runs")
    name: str | None = None
    warm_start: Path | None = None


@dataclass(frozen=True)
class Opened:
    """A study's folder, its record and its ledger, held by this driver."""

    folder: RunFolder
    record: StudyRecord
    ledger: Ledger


def check_place(plan: Plan, place: Place) -> list[dict[str, Any]]:
    """The configurations that a new study begins with, where it can be begun there.

    Raises:
        InputError: its name is taken, nothing can be written there, or what it is to begin with is
            no study of such a space.
    """
    check_free(place.out, place.name)
    return warm_params(plan, place.warm_start) if place.warm_start else []


def begin_study(
    stack: ExitStack,
    plan: Plan,
    place: Place,
    warm: Sequence[dict[str, Any]],
    facts: dict[str, Any],
    argv: Sequence[str],
    *,
    shared: bool,
) -> Opened:
    """A new study, held until the stack unwinds; no folder is left of one that cannot begin.

    Args:
        warm: configurations to begin with. facts: the description of the data.
        shared: whether other nodes have to see its folder.

    Raises:
        InputError: it cannot be begun there after all.
        OSError: the disk takes no more.
    """
    folder = create_run_folder(place.out, place.name, plan.space.name)
    try:
        stack.enter_context(folder.locked())
        _check_seen(folder, shared)
        record = new_record(plan, folder.path.name)
        write_study(folder.study_yaml, plan, record, facts, argv)
        ledger = _ledger(stack, folder, record)
        for params in warm[: plan.trials]:
            ledger.enqueue(params)
    except BaseException:
        shutil.rmtree(folder.path, ignore_errors=True)
        raise
    return Opened(folder, record, ledger)


def resume_study(
    stack: ExitStack,
    plan: Plan,
    folder: RunFolder,
    stored: dict[str, Any],
    facts: dict[str, Any],
    *,
    shared: bool,
) -> Opened:
    """A study that was begun earlier, with all its trials so far; the folder is locked already.

    Args:
        stored: its description. facts: the description of the data as they are now.
        shared: whether other nodes have to see its folder.

    Raises:
        InputError: the data are not those it was begun with, or a node does not see the folder.
    """
    _check_seen(folder, shared)
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
    ledger = _ledger(stack, folder, record)
    record.trials = ledger.records(record, plan.rule())
    return Opened(folder, record, ledger)


def new_record(plan: Plan, name: str) -> StudyRecord:
    """The record of a study without trials."""
    searched = {p.name for p in plan.space.searched()}
    key = plan.family.fidelity.config_key if plan.family.fidelity else None
    return StudyRecord(
        name=name,
        trainable=plan.space.trainable,
        metric=plan.objective.name,
        direction=plan.objective.direction,
        unit=plan.unit,
        max_budget=plan.max_budget,
        num_trials=plan.trials,
        selects=plan.selects,
        dimensions=tuple(p.dimension() for p in plan.space.searched()),
        metrics={m.name: m.direction for m in plan.metrics},
        milestones=plan.rule().milestones,
        seeds=plan.family.Config.seeds,
        budget_key=key if key in searched else None,
    )


def _check_seen(folder: RunFolder, shared: bool) -> None:
    if shared:
        from distrib.cluster.shared import check_shared  # imports Ray

        check_shared(folder.path)


def _ledger(stack: ExitStack, folder: RunFolder, record: StudyRecord) -> Ledger:
    ledger = Ledger(folder.ledger, record.name, record.direction)
    stack.callback(ledger.close)
    return ledger
