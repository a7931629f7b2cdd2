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
    add_group(parser, "data and parameters").add_argument(
        "--show",
        action="store_true",
        help="only list every hyperparameter, data option and metric, with their help",
    )
    place = add_group(parser, "where it goes")
    place.add_argument("--out", metavar="DIR|URL", help="where studies are kept (default: runs)")
    place.add_argument("--name", help="the study's name; else <space>-<number>")
    place.add_argument(
        "--resume", metavar="STUDY", help="resume a study: its folder, its name, or 'last'"
    )
    add_group(parser, "machines")


def add_group(parser: Parser, title: str) -> argparse._ArgumentGroup:
    """The options of a study that stand under this title, as `study.plan.options` declares them.

    None of them has a default here, so that one sees what was given.
    """
    from distrib.study.plan.options import DECLARED

    read_as = {"text": str, "int": int, "float": float, "duration": duration, "setting": setting,
               "workers": workers}  # fmt: skip
    group = parser.add_argument_group(title)
    for option in DECLARED:
        flag = option.flag
        if flag.group != title:
            continue
        number = isinstance(option.default, int | float) and flag.kind != "switch"
        shown = f" (default {option.default:g})" if number else ""
        given: dict[str, Any] = {"help": flag.help + shown}
        if flag.kind == "switch":
            given.update(action="store_true", default=None)
        else:
            given.update(type=read_as[flag.kind], metavar=flag.metavar)
        if flag.kind == "setting":
            given.update(action="append", default=[])
        group.add_argument(flag.name, **given)
    return group


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
    search = add_group(parser, "search")
    search.add_argument(
        "--space", metavar="NAME|FILE", help="what may vary: mlp, trimming, or YAML"
    )
    search.add_argument("--warm-start", metavar="STUDY", help="begin with its best configurations")
    search.add_argument(
        "--dry-run",
        action="store_true",
        help="check everything, train one step, estimate; leave nothing behind",
    )
