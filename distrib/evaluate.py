"""The door to judging a trained model: `python -m distrib.evaluate runs/mlp-0/best`."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from distrib._door import DONE, Parser, enter, table_writer

EXAMPLES = """\
python -m distrib.evaluate runs/mlp-0/best --data held_out/
python -m distrib.evaluate runs/mlp-0/best --data held_out/ --out per_row.parquet"""


def main(argv: Sequence[str] | None = None) -> int:
    """Print every metric of a trained model on data; the exit code."""
    parser = Parser("evaluate", "Judge a trained model on data it has not seen.", EXAMPLES)
    parser.add_argument("model", help="a best/ folder")
    parser.add_argument("--data", metavar="PATH", help="without it: the data it was trained on")
    parser.add_argument(
        "--out",
        type=Path,
        metavar="FILE",
        help="also a row per row of the data (.parquet, .csv or .tsv)",
    )
    parser.add_argument("--allow-custom", action="store_true")
    parser.add_argument("--debug", action="store_true", help="tracebacks")
    return enter(evaluate, parser, argv)


def evaluate(args: argparse.Namespace) -> int:
    """Load, judge, print."""
    from distrib.errors import InputError
    from distrib.study.model import open_model

    write = table_writer(args.out) if args.out else None
    model = open_model(args.model, allow_custom=args.allow_custom)
    data = model.load(args.data)
    for note in data.describe().get("notes", ()):
        print(f"note: {note}")
    if args.data is None:
        print("note: without --data the figures below include the rows it was trained on")
    for name, value in model.evaluate(data).items():
        print(f"{name:24s} {value:.6g}")
    if write is not None:
        rows = model.evaluate_rows(data)
        if rows.empty:
            raise InputError("this family has no figures per row", where="--out")
        write(rows)
        print(f"{len(rows)} rows in {args.out}")
    return DONE


if __name__ == "__main__":
    raise SystemExit(main())
