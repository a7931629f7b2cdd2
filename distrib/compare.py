"""The door to many studies at once: `python -m distrib.compare runs/*`."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from distrib._door import DONE, Parser, enter, folder
from distrib.errors import InputError

if TYPE_CHECKING:
    from distrib.tracking.ratio_test import Fitted

EXAMPLES = """\
python -m distrib.compare runs/*
python -m distrib.compare runs/mlp-0 runs/mlp-1 --out leaderboard.csv
python -m distrib.compare --lrt runs/full runs/nested"""


def main(argv: Sequence[str] | None = None) -> int:
    """Print a leaderboard across studies, or a test of two models; the exit code."""
    parser = Parser("compare", "A leaderboard across studies, and a list of them all.", EXAMPLES)
    parser.add_argument(
        "studies", nargs="*", type=folder, help="study folders; others are passed by"
    )
    parser.add_argument(
        "--lrt",
        nargs=2,
        type=folder,
        metavar=("FULL", "NESTED"),
        help="instead: a likelihood-ratio test of two trained models",
    )
    parser.add_argument("--out", type=Path, metavar="FILE", help="also as .csv, .tsv or .parquet")
    parser.add_argument("--allow-custom", action="store_true")
    parser.add_argument("--debug", action="store_true", help="tracebacks")
    return enter(compare, parser, argv)


def compare(args: argparse.Namespace) -> int:
    """Read the studies' records and print them side by side, or test two of them."""
    if bool(args.studies) == bool(args.lrt):
        raise InputError(
            "what is to be compared?",
            where="STUDIES or --lrt",
            expected="exactly one of them",
            hint="python -m distrib.compare --help",
        )
    return test_likelihoods(args) if args.lrt else list_studies(args)


def list_studies(args: argparse.Namespace) -> int:
    """A leaderboard of the studies."""
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


def test_likelihoods(args: argparse.Namespace) -> int:
    """Whether the full model of two fits better than the one nested in it."""
    from distrib._door import table_writer
    from distrib.tracking.ratio_test import ratio_table, ratio_test

    write = table_writer(args.out) if args.out else None
    full, nested = (_fitted(place, args.allow_custom) for place in args.lrt)
    test = ratio_test(full, nested)
    for name, model in (("full", full), ("nested", nested)):
        print(f"{name:8s}{model.log_likelihood:18.3f}  log likelihood of {model.model}")
    print(f"twice the difference {test.statistic:.3f}, degrees of freedom {test.degrees}")
    print(f"p {test.p:.3g}" if test.p else "p below 1e-300")
    if write is not None:
        write(ratio_table(full, nested, test))
        print(f"next: open {args.out}")
    return DONE


def _fitted(place: Path, allow_custom: bool) -> Fitted:
    from distrib.study.model import open_model
    from distrib.tracking.ratio_test import Fitted

    model = open_model(place, allow_custom=allow_custom)
    assert model.state is not None
    return Fitted(
        str(place),
        model.name,
        model.config.model_dump(mode="json"),
        model.data_name,
        getattr(model.source, "weighting", "pooled"),
        model.state.values,
    )


if __name__ == "__main__":
    raise SystemExit(main())
