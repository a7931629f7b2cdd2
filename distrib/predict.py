"""Predicts: `python -m distrib.predict runs/mlp-0/best --out p.parquet`."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from distrib.cli.command import DONE, Parser, add_shared, run_command, table_writer
from distrib.errors import InputError, said_in

EXAMPLES = """\
python -m distrib.predict runs/mlp-0/best --data new/ --out predictions.parquet
python -m distrib.predict runs/trimming-0/best --out predictions.csv
python -m distrib.predict runs/segmenter-0/best --data new_sessions/ --out states/
python -m distrib.predict runs/seeds/trials/000[0-4] --data new/ --out mean.parquet"""


def main(argv: Sequence[str] | None = None) -> int:
    """Write a trained model's predictions; the exit code."""
    parser = Parser("predict", "Predict with a trained model.", EXAMPLES)
    parser.add_argument(
        "model",
        nargs="+",
        help="a best/ folder, or a trial's; several are averaged where the family can",
    )
    parser.add_argument("--data", metavar="PATH", help="without it: the data it was trained on")
    parser.add_argument(
        "--out",
        metavar="FILE|FOLDER/",
        required=True,
        help="where they go: .parquet, .csv or .tsv, or a FOLDER/ for a file per recording",
    )
    add_shared(parser, "--on-long", "--allow-custom", "--debug")
    return run_command(predict, parser, argv)


def predict(args: argparse.Namespace) -> int:
    """Load, predict, write whole."""
    from distrib.study.driver.model import open_model
    from distrib.trainables.capabilities import AveragesPredictions

    files = args.out.endswith("/") or Path(args.out).is_dir()
    write = None if files else table_writer(Path(args.out), folders=True)
    first, *others = [
        open_model(place, allow_custom=args.allow_custom).reading(args.on_long)
        for place in args.model
    ]
    model = first
    if others and not isinstance(model.family, AveragesPredictions):
        raise InputError("models of this family are not averaged", found=model.name)
    data = model.load(args.data, targets=False)
    for note in model.notes(data):
        print(f"note: {note}")
    with said_in(args.data):
        if write is None:
            written = model.write_predictions(data, args.out, others)
            print(f"{', '.join(written[:3])}{', ...' if len(written) > 3 else ''} in {args.out}")
            return DONE
        predictions = model.predict(data)
        if others and isinstance(model.family, AveragesPredictions):
            every = [predictions, *(other.predict(data) for other in others)]
            predictions = model.family.averaged(every)
    write(predictions)
    print(f"{len(predictions)} rows in {args.out}")
    return DONE


if __name__ == "__main__":
    raise SystemExit(main())
