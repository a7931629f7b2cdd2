"""Follows a running study: `python -m distrib.watch runs/mlp-0`."""

from __future__ import annotations

import argparse
import shlex
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from distrib.cli.command import DONE, Parser, add_shared, run_command

if TYPE_CHECKING:
    from distrib.records import StudyRecord

EXAMPLES = """\
python -m distrib.watch runs/mlp-0
python -m distrib.watch runs/mlp-0 --once
python -m distrib.watch s3://my-bucket/runs/mlp-0"""

LEAST = 10.0  # seconds between two copies of a study at a URL


def main(argv: Sequence[str] | None = None) -> int:
    """Follow a study until it ends; the exit code."""
    parser = Parser("watch", "Follow a study from another terminal.", EXAMPLES)
    parser.add_argument(
        "study",
        help="the study's folder, its name in runs/, 'last', or its URL, of which copies are read",
    )
    parser.add_argument("--once", action="store_true", help="show it once")
    parser.add_argument(
        "--every", type=float, default=1.0, metavar="SECONDS", help="between two looks (default 1)"
    )
    add_shared(parser, "--debug")
    return run_command(watch, parser, argv)


def watch(args: argparse.Namespace) -> int:
    """Draw the record again and again while a driver holds the study."""
    from rich.console import Console
    from rich.live import Live

    from distrib.api.running import shown
    from distrib.study.driver.live_record import read_record
    from distrib.tracking.live import render

    console = Console()
    folder, look, every = _watched(args.study, args.every)
    name = args.study if "://" in args.study else shown(folder)
    driven = look()
    study = read_record(folder)  # afterwards: a study that has just ended is seen as it ended
    if args.once or not sys.stdout.isatty():
        console.print(render(study, driven=driven))
        if not driven:
            tell_end(name, folder, study)
        return DONE
    with Live(render(study, driven=driven), console=console, auto_refresh=False) as live:
        while look():
            time.sleep(every)
            live.update(render(read_record(folder)), refresh=True)
        study = read_record(folder)
        live.update(render(study, driven=False), refresh=True)
    tell_end(name, folder, study)
    return DONE


def _watched(study: str, every: float) -> tuple[Path, Callable[[], bool], float]:
    """The folder to read, what brings it up to date and says whether a driver runs, and how often.

    Of a study at a URL nothing is there to be read before the first of these looks.

    Raises:
        InputError: there is no study; of one at a URL at the first look.
    """
    from distrib.api.places import RUNS, find_study, gone_at_exit, store_at
    from distrib.study.driver.live_record import is_running
    from distrib.study.record.remote_store import is_url

    if not is_url(study):
        folder = find_study(study, Path(RUNS)).path
        return folder, lambda: is_running(folder), every
    store = store_at(study)
    gone_at_exit(store)

    def look() -> bool:
        driven = store.lock.is_noted
        store.pull(hold=False)
        return driven

    return store.folder.path, look, max(every, LEAST)


def tell_end(name: str, folder: Path, study: StudyRecord) -> None:
    """That nobody runs the study, and how to go on where something is left to do."""
    print(f"no driver runs this study now; its folder: {name}")
    ended = sum(t.is_over for t in study.trials.values())
    if ended < study.num_trials or not (folder / "best").exists():
        leave = " --allow-custom" if ":" in study.trainable else ""  # code of the user's own
        print(f"next: python -m distrib.tune --resume {shlex.quote(name)}{leave}")


if __name__ == "__main__":
    raise SystemExit(main())
