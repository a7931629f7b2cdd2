"""A plan carried out: who looks on, what is left behind, the summary, the exit code."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Callable, Sequence
from contextlib import redirect_stdout
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO, cast

from distrib.cli.command import DONE, INTERRUPTED, NO_SUCCESS, Lasting
from distrib.errors import InputError

if TYPE_CHECKING:
    from distrib.records import StudyRecord, Tracker
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
    folders: list[RunFolder] = []
    leave = " --allow-custom" if plan.options.allow_custom else ""

    def resume() -> str:
        shown = store.url if store else str(_shown(folders[0].path))
        return f"python -m distrib.{'tune' if searched else 'train'} --resume {shown}{leave}"

    with redirect_stdout(cast(TextIO, Lasting(sys.stdout))):
        try:
            return _carry_out(plan, place, stored, store, searched, leave, resume, folders, beside)
        except KeyboardInterrupt:
            if not folders:
                raise
            print(f"\ninterrupted; nothing that ended is lost\n\nnext:\n  {resume()}")
            return INTERRUPTED
        except InputError as error:
            # Of one that a worker raised Ray makes another, with the worker's traceback as text.
            raise getattr(error, "cause", error) from None
        except OSError as error:
            if not folders or plan.options.debug:
                raise
            raise InputError(
                "a file could not be written or read; nothing that ended is lost",
                file=error.filename or folders[0].path,
                found=error.strerror or str(error),
                hint=f"when that is mended: {resume()}",
            ) from None
        except Exception as error:
            if plan.options.debug or (why := _why_lost(error)) is None:
                raise
            raise InputError(
                "a process of the study was lost; nothing that ended is lost",
                found=why,
                hint=f"when that is mended: {resume()}" if folders else None,
            ) from None
        finally:
            if store is not None:
                store.lock.release()


def _carry_out(
    plan: Plan,
    place: Place | RunFolder,
    stored: dict[str, Any] | None,
    store: RemoteStore | None,
    searched: bool,
    leave: str,
    resume: Callable[[], str],
    folders: list[RunFolder],
    beside: Callable[[RunFolder], Sequence[Tracker]],
) -> int:
    from distrib.study.driver.run_study import run_study
    from distrib.tracking.phases import Phases
    from distrib.tracking.summary import summary

    look_on = onlookers(searched, store)

    def trackers(folder: RunFolder) -> Sequence[Tracker]:
        folders.append(folder)
        return [*look_on(folder), *beside(folder)]

    argv = ["python", "-m", f"distrib.{Path(sys.argv[0]).stem}", *map(shlex.quote, sys.argv[1:])]
    outcome = run_study(
        plan,
        place,
        trackers=trackers,
        say=print,
        phase=Phases(),
        meanwhile=_draw,
        stored=stored,
        argv=argv,
    )
    _leave_behind(outcome, stored["command"] if stored else " ".join(argv))
    print(
        summary(
            outcome.study,
            store.url if store else str(_shown(outcome.folder.path)),
            winner=outcome.winner,
            baselines=outcome.baselines,
            notes=outcome.notes,
            seconds=outcome.seconds,
            size=outcome.folder.size(),
            interrupted=outcome.interrupted,
            resume=resume() if outcome.interrupted or outcome.cut else None,
            leave=leave,
        )
    )
    if store is not None:
        store.put_rest()
        store.put_away()
    return exit_code(outcome)


def _why_lost(error: Exception) -> str | None:
    """Why a process of the study is gone, where that is what happened; no study, no Ray."""
    if "ray" not in sys.modules:
        return None
    from distrib.study.driver.worker_failures import why_lost

    return why_lost(error)


def _draw(folder: RunFolder, study: StudyRecord) -> None:
    """Tables and curves, and the imports of the report, which the winner is not needed for."""
    import distrib.tracking.report  # noqa: F401
    from distrib.tracking.curves import write_all_curves
    from distrib.tracking.tables import write_tables

    write_tables(folder.path, study)
    write_all_curves(folder.path, study, lambda done, total: None)


def _leave_behind(outcome: Outcome, command: str) -> None:
    """Tables and curves (again where a trial was begun again), and the report."""
    from distrib.study.driver.study_file import strike_credentials
    from distrib.tracking.report import Sections, write_report

    _draw(outcome.folder, outcome.study)
    sections = Sections(
        winner=outcome.winner,
        baselines=outcome.baselines,
        seconds=outcome.seconds,
        command=strike_credentials(command),
        notes=tuple(outcome.notes),
    )
    write_report(outcome.folder.path, outcome.study, sections)


def _shown(folder: Path) -> Path:
    """The folder as a person would write it: relative where it lies below this one."""
    here = Path.cwd()
    return folder.relative_to(here) if folder.is_relative_to(here) else folder


def exit_code(outcome: Outcome) -> int:
    """130 interrupted, 3 without a successful trial, else 0."""
    if outcome.interrupted:
        return INTERRUPTED
    return DONE if outcome.study.best() is not None else NO_SUCCESS


def onlookers(
    searched: bool, store: RemoteStore | None
) -> Callable[[RunFolder], Sequence[Tracker]]:
    """TensorBoard, and a table (or a bar for a single training) or plain lines."""

    def build(folder: RunFolder) -> Sequence[Tracker]:
        from distrib.tracking.live import LiveTable, PlainLines, ProgressBar
        from distrib.tracking.pictures import Pictures
        from distrib.tracking.tensorboard import TensorBoardTracker

        if not sys.stdout.isatty():
            screen: Tracker = PlainLines()
        else:
            screen = LiveTable() if searched else ProgressBar()
        # The store first: it may find that another driver runs the study.
        first = [store] if store else []
        return [*first, TensorBoardTracker(folder.tensorboard), screen, Pictures(folder.path)]

    return build
