"""A plan carried out by a command: its screen, the summary, the exit code."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Callable, Sequence
from contextlib import redirect_stdout
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO, cast

from distrib.api.running import Interrupted, run, shown
from distrib.cli.command import DONE, INTERRUPTED, NO_SUCCESS, Lasting

if TYPE_CHECKING:
    from distrib.records import Tracker
    from distrib.study.driver.outcome import Outcome
    from distrib.study.driver.place import Place
    from distrib.study.plan.plan import Plan
    from distrib.study.record.remote_store import RemoteStore
    from distrib.study.record.run_folder import RunFolder


def carry_out(
    plan: Plan,
    place: Place | RunFolder,
    *,
    stored: dict[str, Any] | None = None,
    store: RemoteStore | None = None,
    searched: bool = True,
    beside: Callable[[RunFolder], Sequence[Tracker]] = lambda folder: (),
) -> int:
    """Run a study, leave its pictures and tables, print its summary; the exit code.

    The study outlives whoever reads its output, and says how to go on however it is stopped.

    Args:
        beside: who looks on beside the usual ones, given the folder.
    """
    from distrib.tracking.phases import Phases

    leave = " --allow-custom" if plan.options.allow_custom else ""
    argv = ["python", "-m", f"distrib.{Path(sys.argv[0]).stem}", *map(shlex.quote, sys.argv[1:])]

    def resume(place: str) -> str:
        verb = "tune" if searched else "train"
        return f"python -m distrib.{verb} --resume {shlex.quote(place)}{leave}"

    with redirect_stdout(cast(TextIO, Lasting(sys.stdout))):
        try:
            outcome = run(
                plan,
                place,
                command=" ".join(argv),
                resume=resume,
                screen=_screen(searched),
                say=partial(print, flush=True),  # into a file, too, while it goes on
                phase=Phases(),
                stored=stored,
                store=store,
                beside=beside,
            )
            where = store.url if store else shown(outcome.folder.path)
            goes_on = resume(where) if outcome.interrupted or outcome.cut else None
            print(_summary(outcome, where, goes_on, leave))
            if store is not None:
                store.put_away()
            return exit_code(outcome)
        except Interrupted as end:
            print(f"\ninterrupted; nothing that ended is lost\n\nnext:\n  {end.resume}")
            return INTERRUPTED
        finally:
            if store is not None:
                store.lock.release()


def _summary(outcome: Outcome, where: str, resume: str | None, leave: str) -> str:
    from distrib.tracking.summary import summary

    return summary(
        outcome.study,
        where,
        winner=outcome.winner,
        baselines=outcome.baselines,
        notes=outcome.notes,
        seconds=outcome.seconds,
        size=outcome.folder.size(),
        interrupted=outcome.interrupted,
        resume=resume,
        leave=leave,
        usage=str(outcome.usage) if outcome.usage else None,
    )


def exit_code(outcome: Outcome) -> int:
    """130 interrupted, 3 without a successful trial, else 0."""
    if outcome.interrupted:
        return INTERRUPTED
    return DONE if outcome.study.best() is not None else NO_SUCCESS


def _screen(searched: bool) -> Tracker:
    """A table (or a bar for a single training), or plain lines where nobody watches."""
    from distrib.tracking.live import LiveTable, PlainLines, ProgressBar

    if not sys.stdout.isatty():
        return PlainLines()
    return LiveTable() if searched else ProgressBar()
