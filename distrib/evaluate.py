"""Judges a trained model: `python -m distrib.evaluate runs/mlp-0/best`."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from distrib.cli.command import DONE, Parser, add_shared, run_command, table_writer

if TYPE_CHECKING:
    from distrib.study.driver.model import Model

EXAMPLES = """\
python -m distrib.evaluate runs/mlp-0/best --data held_out/
python -m distrib.evaluate runs/mlp-0/best --data held_out/ --out per_row.parquet
python -m distrib.evaluate runs/trimming-0/best --append evaluations.tsv
python -m distrib.evaluate runs/heavy2light-0/best --data pairs.csv --baselines
python -m distrib.evaluate runs/seq2seq-0/best --data designs.csv --rank --out ranked.csv"""
SHOWN = 10  # of a ranking


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
    parser.add_argument(
        "--append",
        type=Path,
        metavar="FILE.tsv",
        help="also a row in this table: the model, what it was trained and judged on, the figures",
    )
    parser.add_argument(
        "--baselines",
        action="store_true",
        help="also what the family's simple models reach on the data, which learn from the rows "
        "that the model was trained on",
    )
    parser.add_argument(
        "--rank",
        action="store_true",
        help="score, filter and rank the rows instead, where the family can (--out: all of them)",
    )
    parser.add_argument(
        "--scorer",
        metavar="MODULE:FUNCTION",
        help="rank by a score of your own: package.module:function of a table, a number a row, the "
        "higher the better (with --allow-custom)",
    )
    add_shared(parser, "--on-long", "--allow-custom", "--debug")
    return run_command(evaluate, parser, argv)


def evaluate(args: argparse.Namespace) -> int:
    """Load, judge, print."""
    from distrib.errors import InputError, said_in
    from distrib.study.driver.model import open_model
    from distrib.tracking.evaluations import append_row
    from distrib.trainables.capabilities import EvaluatesRows

    if args.rank or args.scorer:
        return rank(args)
    if args.append is not None and args.append.suffix != ".tsv":
        raise InputError(
            "unsupported file extension", where="--append", found=args.append.name, expected=".tsv"
        )
    if args.baselines and args.data is None:
        raise InputError("baselines are judged on other data than they learn from", where="--data",
                         expected="data that the model was not trained on")  # fmt: skip
    write = table_writer(args.out) if args.out else None
    model = open_model(args.model, allow_custom=args.allow_custom).reading(args.on_long)
    if write is not None and not isinstance(model.family, EvaluatesRows):
        raise InputError("this family has no figures per row", where="--out", found=model.name)
    data = model.load(args.data)
    for note in model.notes(data):
        print(f"note: {note}")
    if (known := about_training(model, data, args.data is None)) is not None:
        print(f"note: {known}")
    beside = model.baselines(data) if args.baselines else {}  # first: what they need may be gone
    with said_in(args.data):
        metrics, ends = model.evaluate(data), model.intervals(data)
    width = max([24, *map(len, metrics)])
    for name, value in metrics.items():
        between = "  95% interval {:.6g} to {:.6g}".format(*ends[name]) if name in ends else ""
        print(f"{name:{width}s} {value:<12.6g}{between}".rstrip())
    for name, figures in beside.items():
        print(f"baseline: {name}")
        for metric, value in figures.items():
            print(f"  {metric:{width - 2}s} {value:.6g}")
    if args.append is not None:
        num_rows = append_row(args.append, _row(args, model, metrics))
        print(f"{num_rows} rows in {args.append}")
    if write is not None:
        rows = model.evaluate_rows(data)
        write(rows)
        print(f"{len(rows)} rows in {args.out}")
    return DONE


def rank(args: argparse.Namespace) -> int:
    """Load, rank, print the best."""
    from distrib.errors import InputError, said_in
    from distrib.study.driver.model import open_model
    from distrib.trainables.capabilities import RanksRows
    from distrib.trainables.custom_function import load_function

    if args.append is not None:
        raise InputError("a ranking has no row of figures", where="--append", found=args.append)
    if args.baselines:
        raise InputError("a ranking has no baselines", where="--baselines")
    if args.data is None:
        raise InputError("what is to be ranked?", where="--data", expected="a file of rows")
    scorer = None
    if args.scorer:
        scorer = load_function(args.scorer, "--scorer", allow_custom=args.allow_custom)
    write = table_writer(args.out) if args.out else None
    model = open_model(args.model, allow_custom=args.allow_custom).reading(args.on_long)
    if not isinstance(model.family, RanksRows):
        raise InputError("this family ranks nothing", where="--rank", found=model.name)
    with said_in(args.data):
        found = model.rank(args.data, scorer)
    for reason, number in found.left_out.items():
        if number:
            print(f"left out: {number:,} {reason}")
    for note in found.notes:
        print(f"note: {note}")
    by = args.scorer or "the model"
    print(f"the best of {len(found.table):,}, by {by}:")
    best = found.table[list(found.shown)].head(SHOWN)
    print(best.to_string(index=False, float_format="{:.4g}".format))
    if found.summary is not None:
        print()
        print(found.summary.to_string(index=False, float_format="{:.4g}".format))
    if write is not None:
        write(found.table)
        print(f"{len(found.table):,} rows in {args.out}")
    return DONE


def about_training(model: Model, data: Any, same: bool) -> str | None:
    """How many rows of the data the model was trained on; None where none is known to be.

    Args:
        same: whether these are the data that its study was given.
    """
    from distrib.data.files.ids import examples
    from distrib.trainables.capabilities import NamesRows
    from distrib.trainables.training_rows import trained_on

    ids = model.family.row_ids(data) if isinstance(model.family, NamesRows) else None
    seen = None if ids is None or model.state is None else trained_on(model.state, ids)
    if ids is None or seen is None:
        return "the figures below include the rows it was trained on" if same else None
    if not seen.any():
        return None
    return (
        f"{seen.sum()} of {len(seen)} rows were in its training data ({examples(ids[seen])}): "
        "the figures below are no claim about rows that are new to it"
    )


def _row(args: argparse.Namespace, model: Model, metrics: dict[str, float]) -> dict[str, Any]:
    """What `--append` adds."""
    from distrib.tracking.evaluations import evaluation_row

    fitted = model.state.arrays.get("coefficients") if model.state else None
    return evaluation_row(
        model=args.model,
        trainable=model.name,
        training_data=model.data_name,
        validation_data=args.data,
        config=model.config.model_dump(mode="json"),
        num_parameters=None if fitted is None else int(fitted.size),
        metrics=metrics,
    )


if __name__ == "__main__":
    raise SystemExit(main())
