"""Follows a running study: `python -m distrib.watch runs/mlp-0`."""

from __future__ import annotations

import argparse
import shlex
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from distrib.cli.command import DONE, Parser, add_shared, folder, run_command

if TYPE_CHECKING:
    from distrib.records import StudyRecord

EXAMPLES = """\
python -m distrib.watch runs/mlp-0
python -m distrib.watch runs/mlp-0 --once"""


def main(argv: Sequence[str] | None = None) -> int:
    """Follow a study until it ends; the exit code."""
    parser = Parser("watch", "Follow a study from another terminal.", EXAMPLES)
    parser.add_argument("study", type=folder, help="the study's folder")
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

    from distrib.study.driver.live_record import is_running, read_record
    from distrib.study.record.run_folder import open_run_folder
    from distrib.tracking.live import render

    console = Console()
    driven = is_running(open_run_folder(args.study).path)
    study = read_record(args.study)  # afterwards: a study that has just ended is seen as it ended
    if args.once or not sys.stdout.isatty():
        console.print(render(study, driven=driven))
        if not driven:
            tell_end(args.study, study)
        return DONE
    with Live(render(study, driven=driven), console=console, auto_refresh=False) as live:
        while is_running(args.study):
            time.sleep(args.every)
            live.update(render(read_record(args.study)), refresh=True)
        study = read_record(args.study)
        live.update(render(study, driven=False), refresh=True)
    tell_end(args.study, study)
    return DONE


def tell_end(folder: Path, study: StudyRecord) -> None:
    """That nobody runs the study, and how to go on where something is left to do."""
    print(f"no driver runs this study now; its folder: {folder}")
    ended = sum(t.is_over for t in study.trials.values())
    if ended < study.num_trials or not (folder / "best").exists():
        print(f"next: python -m distrib.tune --resume {shlex.quote(str(folder))}")


if __name__ == "__main__":
    raise SystemExit(main())
