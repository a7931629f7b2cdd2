"""Compares studies: `python -m distrib.compare runs/*`."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from distrib.cli.command import DONE, Parser, add_shared, folder, run_command
from distrib.cli.roads.road import roads
from distrib.errors import InputError

if TYPE_CHECKING:
    import pandas as pd

    from distrib.tracking.ratio_test import Fitted

EXAMPLES = """\
python -m distrib.compare runs/*
python -m distrib.compare runs/mlp-0 runs/mlp-1 --out leaderboard.csv
python -m distrib.compare runs/lel-0 runs/mlp-0 --against baselines --plot models.png
python -m distrib.compare results/ --by lambda_weak,lambda_pred
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
    parser.add_argument(
        "--against",
        choices=["baselines"],
        help="instead: the winners of studies of the same data beside the baselines",
    )
    parser.add_argument(
        "--by",
        metavar="A[,B]",
        help="instead: a heat map of all trainings over one or two hyperparameters",
    )
    parser.add_argument("--metric", help="with --against: by which they are ranked; with --by")
    parser.add_argument(
        "--plot",
        type=Path,
        metavar="FILE",
        help=".png, .svg or .pdf; with --against: also the metric's distribution over rows, a "
        "column for each winner and baseline; with --by: the heat map (default: heat_map.png in "
        "the first folder)",
    )
    parser.add_argument("--out", type=Path, metavar="FILE", help="also as .csv, .tsv or .parquet")
    add_shared(parser, "--allow-custom", "--debug")
    return run_command(compare, parser, argv)


def compare(args: argparse.Namespace) -> int:
    """Read the studies' records and print them side by side, or test two of them."""
    if bool(args.studies) == bool(args.lrt):
        raise InputError(
            "what is to be compared?",
            where="STUDIES or --lrt",
            expected="exactly one of them",
            hint="python -m distrib.compare --help",
        )
    if args.by and (args.against or args.lrt):
        raise InputError("a heat map stands alone", where="--by",
                         found="--against" if args.against else "--lrt")  # fmt: skip
    if args.plot is not None and args.plot.suffix not in (".png", ".svg", ".pdf"):
        raise InputError(
            "unsupported file extension",
            where="--plot",
            found=args.plot.name,
            expected=".png, .svg or .pdf",
        )
    if args.by:
        return map_over(args)
    if not args.against and (args.metric or args.plot):
        raise InputError(
            "only winners beside baselines are ranked by a metric, or drawn",
            where="--metric" if args.metric else "--plot",
            hint="add --against baselines",
        )
    if args.lrt:
        return test_likelihoods(args)
    return rank_winners(args) if args.against else list_studies(args)


def list_studies(args: argparse.Namespace) -> int:
    """A leaderboard of the studies."""
    from distrib.cli.command import table_writer
    from distrib.study.driver.live_record import read_record
    from distrib.study.driver.study_file import read_study
    from distrib.tracking.compare import leaderboard, of_other_data, render

    write = table_writer(args.out) if args.out else None
    folders = _studies(args.studies)
    studies = [(path, read_record(path)) for path in folders]
    data = [read_study(path / "study.yaml")["data"].get("fingerprint") for path in folders]
    frame = leaderboard(studies)
    render(frame)
    for line in of_other_data([(study, of) for (_, study), of in zip(studies, data)]):
        print(line)
    if write is not None:
        write(_for_readers(frame, args.out))
        print(f"next: open {args.out}")
    return DONE


def rank_winners(args: argparse.Namespace) -> int:
    """The winners of studies of one data set, and its baselines, best first."""
    from distrib.cli.command import table_writer
    from distrib.study.driver.live_record import read_record
    from distrib.study.driver.study_file import read_study
    from distrib.tracking.ranking import (
        Ranked,
        differences,
        draw_rows,
        pairs,
        ranking,
        render_ranking,
    )

    write = table_writer(args.out) if args.out else None
    studies = [
        Ranked(p, read_record(p), read_study(p / "study.yaml")) for p in _studies(args.studies)
    ]
    frame = ranking(studies, args.metric)
    render_ranking(frame)
    shown = [s for s in studies if str(s.folder) in set(frame["folder"].dropna())]
    for line in pairs(shown, frame["metric"].iloc[0]):
        print(line)
    for line in differences(studies):
        print(f"note: {line}")
    if write is not None:
        write(_for_readers(frame, args.out))
        print(f"next: open {args.out}")
    if args.plot is not None:
        draw_rows(shown, frame["metric"].iloc[0], args.plot)
        print(f"next: open {args.plot}")
    return DONE


def _for_readers(frame: pd.DataFrame, out: Path) -> pd.DataFrame:
    """The table so that no reader of text takes a configuration's word for a missing value."""
    from distrib.data.files.readable import readable

    return frame if out.suffix == ".parquet" else readable(frame)


def map_over(args: argparse.Namespace) -> int:
    """Means of a metric over the values of one or two hyperparameters."""
    from distrib.cli.command import table_writer
    from distrib.study.driver.live_record import read_record
    from distrib.tracking.heat_map import draw, heat_map, shown, trials_of

    write = table_writer(args.out) if args.out else None
    by = [name.strip() for name in args.by.split(",")]
    if not 1 <= len(set(by)) == len(by) <= 2:
        raise InputError("one or two hyperparameters", where="--by", found=args.by)
    trainings = []
    for place in args.studies:
        if not place.is_dir():
            raise InputError("no such folder", found=place)
        found = [one for road in roads() for one in road.trainings(place)]
        studies = [f.parent for f in sorted(place.rglob("study.yaml"))] if not found else []
        trainings += found or [one for study in studies for one in trials_of(read_record(study))]
    table = heat_map(trainings, by, args.metric)
    print(f"{table['metric'].iloc[0]}, mean over {int(table['count'].sum())} trainings\n")
    print(shown(table, by).to_string())
    picture = args.plot or args.studies[0] / "heat_map.png"
    draw(table, by, picture)
    if write is not None:
        write(table)
        print(f"next: open {args.out}")
    print(f"next: open {picture}")
    return DONE


def _studies(places: Sequence[Path]) -> list[Path]:
    """Those of the places that are studies; of `runs/*` others are passed by."""
    for place in places:
        if not place.exists():
            raise InputError(
                "no such folder", where="STUDIES", found=place, expected="studies, as runs/mlp-0"
            )
    folders = [p for p in places if (p / "study.yaml").is_file()]
    if not folders:
        raise InputError(
            "no study among these",
            found=", ".join(map(str, places[:5])),
            expected="folders with a study.yaml",
        )
    return folders


def test_likelihoods(args: argparse.Namespace) -> int:
    """Whether the full model of two fits better than the one nested in it."""
    from distrib.cli.command import table_writer
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
    from distrib.study.driver.model import open_model
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
