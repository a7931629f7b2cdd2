"""The door to many studies at once: `python -m distrib.compare runs/*`."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from distrib._door import DONE, Parser, enter, folder
from distrib.errors import InputError

EXAMPLES = """\
python -m distrib.compare runs/*
python -m distrib.compare runs/mlp-0 runs/mlp-1 --out leaderboard.csv"""


def main(argv: Sequence[str] | None = None) -> int:
    """Print a leaderboard across studies; the exit code."""
    parser = Parser("compare", "A leaderboard across studies, and a list of them all.", EXAMPLES)
    parser.add_argument(
        "studies", nargs="+", type=folder, help="study folders; others are passed by"
    )
    parser.add_argument("--out", type=Path, metavar="FILE", help="also as .csv, .tsv or .parquet")
    parser.add_argument("--debug", action="store_true", help="tracebacks")
    return enter(compare, parser, argv)


def compare(args: argparse.Namespace) -> int:
    """Read the studies' records and print them side by side."""
    from distrib._door import table_writer
    from distrib.study.onlooker import look
    from distrib.tracking.compare import leaderboard, render

    write = table_writer(args.out) if args.out else None
    folders = [p for p in args.studies if (p / "study.yaml").is_file()]
    if not folders:
        raise InputError(
            "no study among these",
            found=", ".join(map(str, args.studies[:5])),
            expected="folders with a study.yaml",
        )
    frame = leaderboard([(path, look(path)) for path in folders])
    render(frame)
    if write is not None:
        write(frame)
        print(f"next: open {args.out}")
    return DONE


if __name__ == "__main__":
    raise SystemExit(main())
