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


def add_options(parser: Parser) -> None:
    """The options of any training, searched or not."""
    data = parser.add_argument_group("data and parameters")
    data.add_argument("--data", metavar="PATH", help="your own data; without it, real default data")
    data.add_argument(
        "--set",
        metavar="KEY=VALUE",
        action="append",
        default=[],
        dest="fixed",
        type=setting,
        help="fix a parameter, or a data option as data.KEY",
    )
    data.add_argument(
        "--max-epochs",
        type=int,
        metavar="N",
        dest="max_budget",
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
        dest="save_every",
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
    machine.add_argument("--cpus-per-worker", type=float, metavar="N", dest="cpus")
    machine.add_argument("--gpus-per-worker", type=float, metavar="N", dest="gpus")
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


SEARCH = ("trials", "sampler", "scheduler", "time_budget", "concurrent", "confirm")
BOOTSTRAP = ("bootstrap", "bootstrap_of")
PLAIN = (
    "data",
    "max_budget",
    "metric",
    "test_fraction",
    "seed",
    "keep",
    "save_every",
    "address",
    "device",
    "precision",
    "allow_custom",
    "debug",
)
DOOR_WORDS = {"max_budget": "max-epochs"}
RESUMABLE = (
    "trials",
    "time_budget",
    "concurrent",
    "confirm",
    "keep",
    "save_every",
    "address",
    "allow_custom",
    "debug",
    "device",
    "precision",
    *BOOTSTRAP,
)


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
    from distrib.study.plan.options import Options

    given: dict[str, Any] = {k: getattr(args, k, None) for k in (*PLAIN, *SEARCH, *BOOTSTRAP)}
    given = {k: v for k, v in given.items() if v is not None}
    resources = {
        k: getattr(args, k)
        for k in ("cpus", "gpus", "accelerator_type")
        if getattr(args, k) is not None
    }
    if args.workers_per_trial is not None:
        resources |= dict(zip(("workers", "most"), args.workers_per_trial))
    if base is None:
        return Options(**given, resources=Resources(**resources), fixed=once(args.fixed))
    refused = [k for k in given if k not in RESUMABLE]
    refused += ["set"] if args.fixed else []
    if refused:
        raise InputError(
            "a resumed study keeps its own",
            where="--" + DOOR_WORDS.get(refused[0], refused[0].replace("_", "-")),
            expected="only --trials, --time-budget, --concurrent, --confirm, --bootstrap, "
            "--keep and what concerns the machines",
        )
    if "time_budget" not in given:
        given["time_budget"] = None
    return replace(base, **given, resources=replace(base.resources, **resources))


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
