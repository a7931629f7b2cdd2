"""Predicts: `python -m distrib.predict runs/mlp-0/best --out p.parquet`."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from distrib.cli.command import DONE, Parser, run_command, table_writer
from distrib.errors import said_in

EXAMPLES = """\
python -m distrib.predict runs/mlp-0/best --data new/ --out predictions.parquet
python -m distrib.predict runs/trimming-0/best --out predictions.csv"""


def main(argv: Sequence[str] | None = None) -> int:
    """Write a trained model's predictions; the exit code."""
    parser = Parser("predict", "Predict with a trained model.", EXAMPLES)
    parser.add_argument("model", help="a best/ folder")
    parser.add_argument("--data", metavar="PATH", help="without it: the data it was trained on")
    parser.add_argument(
        "--out",
        type=Path,
        metavar="FILE",
        required=True,
        help="where they go (.parquet, .csv or .tsv)",
    )
    parser.add_argument("--allow-custom", action="store_true")
    parser.add_argument("--debug", action="store_true", help="tracebacks")
    return run_command(predict, parser, argv)


def predict(args: argparse.Namespace) -> int:
    """Load, predict, write whole."""
    from distrib.study.driver.model import open_model

    write = table_writer(args.out)
    model = open_model(args.model, allow_custom=args.allow_custom)
    data = model.load(args.data, targets=False)
    for note in data.describe().get("notes", ()):
        print(f"note: {note}")
    with said_in(args.data):
        predictions = model.predict(data)
    write(predictions)
    print(f"{len(predictions)} rows in {args.out}")
    return DONE


if __name__ == "__main__":
    raise SystemExit(main())
