"""What `distrib.tune` and `distrib.train` share: the options of a study, and where it lies."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from distrib.cli.command import Parser, duration, once, setting
from distrib.errors import InputError

if TYPE_CHECKING:
    from distrib.study.driver.place import Place
    from distrib.study.plan.options import Options
    from distrib.study.plan.plan import Plan
    from distrib.study.record.run_folder import RunFolder


def add_options(parser: Parser) -> None:
    """The options of any training, searched or not."""
    data = parser.add_argument_group("data and parameters")
    data.add_argument("--data", metavar="PATH", help="your own data; without it, real default data")
    data.add_argument(
        "--set",
        metavar="KEY=VALUE",
        action="append",
        default=[],
        type=setting,
        help="fix a parameter, or a data option as data.KEY",
    )
    data.add_argument(
        "--max-epochs",
        type=int,
        metavar="N",
        help="the most epochs (folds, rounds) of a trial",
    )
    data.add_argument("--metric", help="what is optimised; the family's first metric by default")
    data.add_argument(
        "--test-fraction",
        type=float,
        metavar="SHARE",
        help="share of the groups set aside before anything else (default 0.15)",
    )
    data.add_argument("--seed", type=int, help="seed of everything random (default 0)")
    data.add_argument(
        "--show",
        action="store_true",
        help="only list every hyperparameter, data option and metric, with their help",
    )
    place = parser.add_argument_group("where it goes")
    place.add_argument("--out", metavar="DIR|URL", help="where studies are kept (default: runs)")
    place.add_argument("--name", help="the study's name; else <space>-<number>")
    place.add_argument(
        "--resume", metavar="STUDY", help="go on with a study: its folder, its name, or 'last'"
    )
    place.add_argument(
        "--keep", type=int, metavar="K", help="trials that keep their weights (default 3)"
    )
    place.add_argument(
        "--checkpoint-every",
        type=float,
        metavar="SECONDS",
        help="least time between checkpoints of a trial (default 10)",
    )
    machine = parser.add_argument_group("machines")
    machine.add_argument("--address", help="a Ray cluster, such as auto; else a Ray of its own")
    machine.add_argument(
        "--workers-per-trial",
        type=workers,
        metavar="N|N:M",
        help="processes that train a trial together; N:M takes as many as there is room for",
    )
    machine.add_argument("--cpus-per-worker", type=float, metavar="N")
    machine.add_argument("--gpus-per-worker", type=float, metavar="N")
    machine.add_argument("--accelerator-type", metavar="TYPE", help="such as A100")
    machine.add_argument("--device", help="cpu or cuda (default: cuda with --gpus-per-worker)")
    machine.add_argument("--precision", help="float32, bfloat16, ... as the family has them")
    machine.add_argument(
        "--allow-custom",
        action="store_true",
        default=None,
        help="run the code that a space names as package.module:Class",
    )
    machine.add_argument(
        "--debug",
        action="store_true",
        default=None,
        help="tracebacks, and everything that Ray and the trials write",
    )


def workers(text: str) -> tuple[int, int | None]:
    """`--workers-per-trial`: "4", or "2:8" for at least two and at most eight."""
    from distrib.api.options import workers as checked

    try:
        return checked(text)
    except InputError:
        raise argparse.ArgumentTypeError(f"not workers such as 4 or 2:8: {text!r}") from None


def options_from(args: argparse.Namespace, base: Options | None = None) -> Options:
    """The options as given, over those of the study that is resumed."""
    from distrib.api.options import options_from as checked

    given = vars(args) | {"set": once(args.set) or None}
    return checked(given, base)


def resumed(args: argparse.Namespace) -> tuple[Plan, RunFolder, dict[str, Any]]:
    """The plan of the study that `--resume` names, its folder, and its stored description.

    With a URL, the study is fetched to this machine as `args.store`, and held.
    """
    from distrib.api.places import fetched
    from distrib.study.record.remote_store import is_url

    _check_resumption(args)
    args.store = fetched(args.resume) if is_url(args.resume) else None
    try:
        return _resumed(args)
    except BaseException:
        if args.store is not None:
            args.store.put_away()
        raise


def _check_resumption(args: argparse.Namespace) -> None:
    """Raise where `--resume` stands beside what only a new study takes."""
    if args.name:
        raise InputError("a resumed study keeps its own", where="--name")
    for option, given in (("--dry-run", getattr(args, "dry_run", False)), ("--show", args.show)):
        if given:
            raise InputError(
                "only a new study can be looked at without being run",
                where=f"{option}, with --resume",
            )


def _resumed(args: argparse.Namespace) -> tuple[Plan, RunFolder, dict[str, Any]]:
    from distrib.api.places import find_study
    from distrib.api.resuming import resumed_plan

    folder = args.store.folder if args.store else find_study(args.resume, place_of(args))
    plan, stored = resumed_plan(folder, lambda base: options_from(args, base))
    return plan, folder, stored


def place_of(args: argparse.Namespace) -> Path:
    """The folder that keeps the studies."""
    return Path(args.out or "runs")


def new_place(args: argparse.Namespace, space: str, warm: Path | None = None) -> Place:
    """Where a new study goes; with a URL, a folder here that `args.store` carries there."""
    from distrib.api.places import new_place as found

    place, args.store = found(args.out, args.name, space, warm)
    return place


def add_search_options(parser: Parser) -> None:
    """The options of a search alone."""
    search = parser.add_argument_group("search")
    search.add_argument(
        "--space", metavar="NAME|FILE", help="what may vary: mlp, trimming, or YAML"
    )
    search.add_argument("--trials", type=int, metavar="N")
    search.add_argument("--concurrent", type=int, metavar="N", help="trials at a time")
    search.add_argument(
        "--sampler", help="tpe (where the space names none), gp, cmaes, random or grid"
    )
    search.add_argument("--scheduler", help="asha (default), hyperband, median or none")
    search.add_argument("--time-budget", type=duration, metavar="TIME", help="such as 90s, 15m, 2h")
    search.add_argument("--warm-start", metavar="STUDY", help="begin with its best configurations")
    search.add_argument(
        "--confirm",
        type=int,
        metavar="N",
        help="train the best N again with fresh seeds: mean and spread",
    )
    search.add_argument(
        "--dry-run",
        action="store_true",
        help="check everything, train one step, estimate; leave nothing behind",
    )
