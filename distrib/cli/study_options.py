"""What `distrib.tune` and `distrib.train` share: the options of a study, and where it lies."""

from __future__ import annotations

import argparse
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from distrib.cli.command import Parser, duration, once, setting
from distrib.errors import InputError

if TYPE_CHECKING:
    from distrib.study.driver.place import Place
    from distrib.study.plan.options import Options
    from distrib.study.plan.plan import Plan
    from distrib.study.record.run_folder import RunFolder


READ_AS = {"text": str, "int": int, "float": float, "duration": duration, "setting": setting}


def add_options(parser: Parser) -> None:
    """The options of any training, searched or not."""
    add_group(parser, "data and parameters")
    place = add_group(parser, "where it goes")
    place.add_argument("--out", metavar="DIR|URL", help="where studies are kept (default: runs)")
    place.add_argument("--name", help="the study's name; else <space>-<number>")
    place.add_argument(
        "--resume", metavar="STUDY", help="go on with a study: its folder, its name, or 'last'"
    )
    add_group(parser, "machines")


def add_group(parser: Parser, title: str) -> argparse._ArgumentGroup:
    """The options of a study that stand under this title, as `study.plan.options` declares them.

    None of them has a default here, so that one sees what was given.
    """
    from distrib.study.plan.options import RESOURCES, flags

    group = parser.add_argument_group(title)
    declared = [(name, flag, default) for name, flag, default in flags()]
    declared += [(name, flag, None) for name, flag in RESOURCES.items()]
    for name, flag, default in declared:
        if flag.group != title:
            continue
        number = isinstance(default, int | float) and flag.kind != "switch"
        shown = f" (default {default:g})" if number else ""
        given: dict[str, Any] = {"dest": name, "help": flag.help + shown}
        if flag.kind == "switch":
            given.update(action="store_true", default=None)
        else:
            given.update(type={**READ_AS, "workers": workers}[flag.kind], metavar=flag.metavar)
        if flag.kind == "setting":
            given.update(action="append", default=[])
        group.add_argument(flag.name, **given)
    return group


def workers(word: str) -> tuple[int, int | None]:
    """`--workers-per-trial`: "4", or "2:8" for at least two and at most eight."""
    least, colon, most = word.partition(":")
    try:
        return int(least), int(most) if colon else None
    except ValueError:
        raise argparse.ArgumentTypeError(f"not workers such as 4 or 2:8: {word!r}") from None


def options_from(args: argparse.Namespace, base: Options | None = None) -> Options:
    """The options as given, over those of the study that is resumed."""
    from dataclasses import replace

    from distrib.cluster.connect import Resources
    from distrib.study.plan.options import RESOURCES, Options, flags

    given = {name: value for name, _, _ in flags() if (value := _given(args, name)) is not None}
    resources = {name: value for name in RESOURCES if (value := _given(args, name)) is not None}
    if "workers" in resources:
        resources |= dict(zip(("workers", "most"), resources["workers"]))
    if "fixed" in given:
        given["fixed"] = once(given["fixed"])
    if base is None:
        return Options(**given, resources=Resources(**resources))
    for name, flag, _ in flags():
        if name in given and not flag.resumes:
            taken = [f.name for _, f, _ in flags() if f.resumes and f.group != "machines"]
            raise InputError(
                "a resumed study keeps its own",
                where=flag.name,
                expected=f"only {', '.join(taken)} and what concerns the machines",
            )
    if "time_budget" not in given:
        given["time_budget"] = None
    return replace(base, **given, resources=replace(base.resources, **resources))


def _given(args: argparse.Namespace, name: str) -> Any:
    """What was given for an option; None where nothing was, or the command has no such option."""
    value = getattr(args, name, None)
    return None if value == [] else value


def resumed(args: argparse.Namespace) -> tuple[Plan, RunFolder, dict[str, Any]]:
    """The plan of the study that `--resume` names, its folder, and its stored description.

    With a URL, the study is fetched to this machine as `args.store`, and held.
    """
    _check_resumption(args)
    _pull_mirror(args)
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
    if getattr(args, "dry_run", False):
        raise InputError(
            "only a new study can be tried without being run", where="--dry-run, with --resume"
        )


def _resumed(args: argparse.Namespace) -> tuple[Plan, RunFolder, dict[str, Any]]:
    from distrib.study.driver.study_file import options_of, read_study, space_of
    from distrib.study.plan.plan import make_plan

    folder = args.store.folder if args.store else find_study(args.resume, place_of(args))
    stored = read_study(folder.study_yaml)
    options = options_from(args, options_of(stored))
    if options.trials is not None and options.trials < stored["search"]["trials"]:
        raise InputError(
            "fewer trials than the study was begun with",
            where="--trials",
            found=options.trials,
            expected=f"{stored['search']['trials']} or more",
        )
    return make_plan(space_of(stored, str(folder.study_yaml)), options), folder, stored


def place_of(args: argparse.Namespace) -> Path:
    """The folder that keeps the studies."""
    return Path(args.out or "runs")


def new_place(args: argparse.Namespace, space: str, warm: Path | None = None) -> Place:
    """Where a new study goes; with a URL, a folder here that `args.store` carries there."""
    from distrib.study.driver.place import Place
    from distrib.study.record.remote_store import RemoteStore, is_url, next_study
    from distrib.study.record.run_folder import RunFolder

    args.store = None
    if not args.out or not is_url(args.out):
        return Place(place_of(args), args.name, warm)
    url = next_study(args.out, args.name, space)
    staging, name = _staging(), url.rpartition("/")[2]
    args.store = RemoteStore(url, RunFolder(staging / name))
    return Place(staging, name, warm)


def _pull_mirror(args: argparse.Namespace) -> None:
    """With `--resume URL`, fetch the study to this machine as `args.store`."""
    from distrib.study.record.remote_store import RemoteStore, is_url
    from distrib.study.record.run_folder import RunFolder

    args.store = None
    if is_url(args.resume):
        url = args.resume.rstrip("/")
        args.store = RemoteStore(url, RunFolder(_staging() / url.rpartition("/")[2]))
        args.store.pull()


def _staging() -> Path:
    """A folder for a study that lives at a URL; it goes where no study came to be."""
    import atexit
    import tempfile

    folder = Path(tempfile.mkdtemp(prefix="distrib-study-"))

    def leave() -> None:
        with suppress(OSError):  # not empty, or gone
            folder.rmdir()

    atexit.register(leave)
    return folder


def find_study(name: str, out: Path) -> RunFolder:
    """A study by its folder, by its name under `out`, or the `last` one under `out`."""
    from distrib.study.record.run_folder import open_run_folder

    if name == "last":
        studies = sorted(out.glob("*/study.yaml"), key=lambda p: p.stat().st_mtime)
        if not studies:
            raise InputError("no study to go on with", file=out)
        return open_run_folder(studies[-1].parent)
    inside = out / name
    known = "/" not in name and not Path(name).exists() and inside.exists()
    return open_run_folder(inside if known else name)


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
