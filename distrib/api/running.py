"""A plan carried out, with the tables, pictures and the report that it leaves."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from distrib.errors import InputError

if TYPE_CHECKING:
    from distrib.records import StudyRecord, Tracker
    from distrib.study.driver.outcome import Outcome, Phase
    from distrib.study.driver.place import Place
    from distrib.study.plan.plan import Plan
    from distrib.study.record.remote_store import RemoteStore
    from distrib.study.record.run_folder import RunFolder
    from distrib.trainables.base import Metric


class Interrupted(KeyboardInterrupt):
    """A study was interrupted once it had a folder; `resume` says how to go on with it."""

    def __init__(self, resume: str) -> None:
        super().__init__(f"interrupted; nothing that ended is lost; to go on: {resume}")
        self.resume = resume


def run(
    plan: Plan,
    place: Place | RunFolder,
    *,
    command: str,
    resume: Callable[[str], str],
    screen: Tracker,
    say: Callable[[str], None],
    phase: Phase,
    stored: dict[str, Any] | None = None,
    store: RemoteStore | None = None,
    beside: Callable[[RunFolder], Sequence[Tracker]] = lambda folder: (),
) -> Outcome:
    """Run a study, and leave its tables, curves and report in its folder.

    Args:
        place: where a new study goes; or the folder of one to resume, then with its `stored`
            description.
        command: what began this, for the record.
        resume: how to go on with the study, given its folder or URL as a person would write it.
        screen: who shows how far it is. say: tells a line. phase: hears of what follows the search.
        store: carries the folder to a URL. beside: who looks on beside the usual, given the folder.

    Raises:
        InputError: something that was asked for cannot be had, the disk takes no more, or a process
            of the study was lost.
        Interrupted: by Ctrl-C, outside the search itself (which ends in order, and tells).
    """
    from distrib.study.driver.run_study import run_study

    begun: list[RunFolder] = []

    def trackers(folder: RunFolder) -> Sequence[Tracker]:
        from distrib.tracking.pictures import Pictures
        from distrib.tracking.tensorboard import TensorBoardTracker

        begun.append(folder)
        # The store first: it may find that another driver runs the study.
        first = [store] if store else []
        usual = [TensorBoardTracker(folder.tensorboard), screen, Pictures(folder.path)]
        return [*first, *usual, *beside(folder)]

    with _told(plan, store, resume, begun):
        outcome = run_study(
            plan,
            place,
            trackers=trackers,
            say=say,
            phase=phase,
            meanwhile=_draw,
            stored=stored,
            argv=[command],
            lost=_lost(store, resume, begun, say),
            carried=store.folder.path.parent if store else None,
        )
        _leave_behind(plan, outcome, stored["command"] if stored else command)
        if store is not None:
            store.put_rest()
    return outcome


def shown(folder: Path) -> str:
    """The folder as a person would write it: relative where it lies below this one."""
    here = Path.cwd()
    return str(folder.relative_to(here) if folder.is_relative_to(here) else folder)


@contextmanager
def own_threads() -> Iterator[None]:
    """What a study sets for the threads of its processes is taken back, for those of this one."""
    from distrib.cluster.environment import THREADS

    before = {name: os.environ.get(name) for name in THREADS}
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


@contextmanager
def _told(
    plan: Plan,
    store: RemoteStore | None,
    resume: Callable[[str], str],
    begun: Sequence[RunFolder],
) -> Iterator[None]:
    """What ends a study is told with the way to go on with it."""

    def again() -> str:
        return resume(store.url if store else shown(begun[0].path))

    try:
        yield
    except KeyboardInterrupt:
        if not begun:
            raise
        raise Interrupted(again()) from None
    except InputError as error:
        # Of one that a worker raised Ray makes another, with the worker's traceback as text.
        raise getattr(error, "cause", error) from None
    except OSError as error:
        if not begun or plan.options.debug:
            raise
        raise InputError(
            "a file could not be written or read; nothing that ended is lost",
            file=error.filename or begun[0].path,
            found=error.strerror or str(error),
            hint=f"when that is mended: {again()}",
        ) from None
    except Exception as error:
        if plan.options.debug or (why := _why_lost(error)) is None:
            raise
        raise InputError(
            "a process of the study was lost; nothing that ended is lost",
            found=why,
            hint=f"when that is mended: {again()}" if begun else None,
        ) from None


def _lost(
    store: RemoteStore | None,
    resume: Callable[[str], str],
    begun: Sequence[RunFolder],
    say: Callable[[str], None],
) -> Callable[[str], None]:
    """Tells that Ray itself is gone, whereupon this process ends: see `cluster.ray_watch`."""

    def lost(why: str) -> None:
        if not begun:
            say(f"\n{why}; nothing was begun yet")
            return
        again = resume(store.url if store else shown(begun[0].path))
        say(f"\n{why}; nothing that ended is lost\n\nnext:\n  {again}")
        if store is not None:
            store.put_growing()
            store.lock.release()

    return lost


def _why_lost(error: Exception) -> str | None:
    """Why a process of the study is gone, where that is what happened; no study, no Ray."""
    if "ray" not in sys.modules:
        return None
    from distrib.study.driver.worker_failures import why_lost

    return why_lost(error)


def _draw(folder: RunFolder, study: StudyRecord) -> None:
    """Tables and curves, and the imports of the report, which the winner is not needed for."""
    import distrib.tracking.report.report  # noqa: F401
    from distrib.tracking.curves import write_all_curves
    from distrib.tracking.tables import write_tables

    write_tables(folder.path, study)
    write_all_curves(folder.path, study, lambda done, total: None)


def _metrics(plan: Plan) -> tuple[Metric, ...]:
    """Those that a training reports, and those of finished models."""
    from distrib.trainables.capabilities import ComparesRows

    family = plan.family
    return (*family.metrics, *(family.finished if isinstance(family, ComparesRows) else ()))


def _leave_behind(plan: Plan, outcome: Outcome, command: str) -> None:
    """The report; and tables and curves, where the study ended before they were drawn."""
    from distrib.study.driver.study_file import strike_credentials
    from distrib.tracking.report.report import Sections, write_report

    if outcome.interrupted:
        _draw(outcome.folder, outcome.study)
    sections = Sections(
        winner=outcome.winner,
        baselines=outcome.baselines,
        meanings={metric.name: metric.help for metric in _metrics(plan)},
        seconds=outcome.seconds,
        command=strike_credentials(command),
        notes=tuple(outcome.notes),
    )
    write_report(outcome.folder.path, outcome.study, sections)
