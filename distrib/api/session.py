"""A study run from Python: what is printed meanwhile, and how it ends."""

from __future__ import annotations

import sys
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

from distrib.api.places import gone_at_exit
from distrib.api.running import Interrupted, own_threads, run, shown

if TYPE_CHECKING:
    from distrib.records import StudyRecord, Tracker, TrialRecord
    from distrib.study.driver.outcome import Outcome
    from distrib.study.driver.place import Place
    from distrib.study.plan.plan import Plan
    from distrib.study.record.remote_store import RemoteStore
    from distrib.study.record.run_folder import RunFolder


def carry_out(
    plan: Plan,
    place: Place | RunFolder,
    *,
    command: str,
    stored: dict[str, Any] | None,
    store: RemoteStore | None,
    progress: bool,
) -> RunFolder:
    """Run a study from its plan to its winner; its folder.

    Args:
        command: what began it, for the record. stored: of a study to resume, its description.
        store: carries it to a URL; this machine's copy then stays until the process ends.
        progress: whether to print how far it is, and its summary: a table that is redrawn at a
            terminal, lines in a notebook or a file.

    Raises:
        InputError: something that was asked for cannot be had.
        Interrupted: by Ctrl-C; the study can be resumed.
    """
    from distrib.tracking.phases import Phases

    def resume(where: str) -> str:
        return f"distrib.open_study({where!r}).resume()"

    with ExitStack() as stack:
        stack.enter_context(own_threads())
        if store is not None:
            gone_at_exit(store)
            stack.callback(store.lock.release)
        outcome = run(
            plan,
            place,
            command=command,
            resume=resume,
            screen=_screen() if progress else _Silent(),
            say=print if progress else lambda line: None,
            phase=Phases() if progress else lambda name, done, total: None,
            stored=stored,
            store=store,
        )
    where = store.url if store else shown(outcome.folder.path)
    if progress:
        print(_summary(outcome, where, resume(where)))
    if outcome.interrupted:
        raise Interrupted(resume(where))
    return outcome.folder


def _summary(outcome: Outcome, where: str, resume: str) -> str:
    from distrib.tracking.summary import summary

    following = [f"study = distrib.open_study({where!r})", "study.report.show()"]
    if outcome.interrupted or outcome.cut:
        following[0] = f"study = {resume}"
    if outcome.winner:
        following.append("study.model.predict(data)")
    return summary(
        outcome.study,
        where,
        winner=outcome.winner,
        baselines=outcome.baselines,
        notes=outcome.notes,
        seconds=outcome.seconds,
        size=outcome.folder.size(),
        interrupted=outcome.interrupted,
        following=following,
        usage=str(outcome.usage) if outcome.usage else None,
    )


def _screen() -> Tracker:
    from distrib.tracking.live import LiveTable, PlainLines

    return LiveTable() if sys.stdout.isatty() else PlainLines()


class _Silent:
    """Nobody looks on."""

    def study_started(self, study: StudyRecord) -> None: ...

    def trial_started(self, trial: TrialRecord) -> None: ...

    def trial_progressed(self, trial: TrialRecord, rows: list[dict[str, float]]) -> None: ...

    def trial_paused(self, trial: TrialRecord) -> None: ...

    def trial_ended(self, trial: TrialRecord) -> None: ...

    def tick(self) -> None: ...

    def study_ended(self, study: StudyRecord, interrupted: bool) -> None: ...
