"""`distrib.tune --data_config A --model_config B --train_config C`: a study of daart's files."""

from __future__ import annotations

import argparse
import hashlib
import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from distrib.cli.command import DONE, once
from distrib.errors import InputError

if TYPE_CHECKING:
    from distrib.cli.daart_layout import DaartLayout
    from distrib.study.record.run_folder import RunFolder
    from distrib.study.space.space import Space
    from distrib.trainables.behaviour.daart.three_files import ThreeFiles

OPTIONS = ("data_config", "model_config", "train_config")
SAID_AT_MOST = 12
"""Lines of a table of trials, or of those that are skipped."""


def add_options(parser: argparse.ArgumentParser) -> None:
    """The options of this road."""
    group = parser.add_argument_group("three files of daart, in place of a space")
    for option in OPTIONS:
        group.add_argument(f"--{option}", metavar="YAML", type=Path)
    group.add_argument("--layout", choices=["daart", "none"], help="what is left (default: daart)")
    group.add_argument("--rerun", action="store_true", help="train again what was trained already")
    group.add_argument("--max-trials", type=int, metavar="N", help="most combinations")


def asked(args: argparse.Namespace) -> bool:
    """Whether the three files are given.

    Raises:
        InputError: only some of them, or a space beside them.
    """
    given = [option for option in OPTIONS if getattr(args, option)]
    if given and len(given) < len(OPTIONS):
        lacking = next(option for option in OPTIONS if option not in given)
        raise InputError("one of the three files is missing", where=f"--{lacking}")
    if given and args.space:
        raise InputError("either a space or the three files", where="--space")
    return bool(given)


def tune(args: argparse.Namespace) -> int:
    """Read, expand, leave out what is trained already, and carry out the rest."""
    from distrib.cli.execute import carry_out
    from distrib.cli.study_options import new_place, options_from
    from distrib.study.plan.plan import make_plan
    from distrib.trainables.behaviour.daart.three_files import read_three_files

    fixed = once(args.set)
    files = read_three_files({o: getattr(args, o) for o in OPTIONS}, fixed)
    points, notes = _points(files, args)
    for note in notes:
        print(note)
    _print_configuration(files)
    results = files.folder("results_dir")
    if results is None:
        raise InputError("no folder for the results", file=args.data_config, where="results_dir")
    hashes, skipped = _hashes(files, points, results, args)
    if skipped:
        print(f"{len(skipped)} of {len(points)} were trained already (--rerun repeats them):")
        _some([f"  {version}" for version in skipped.values()])
        points = [p for k, p in enumerate(points) if k not in skipped]
        hashes = [h for k, h in enumerate(hashes) if k not in skipped]
    if not points:
        print("nothing is left to train")
        return DONE
    _print_table(points)
    space = _space(files, points)
    args.set = []
    args.out = args.out or str(results / "studies")
    if args.concurrent is None:
        args.concurrent = min(files.at_once, len(points))
    if files.values.get("device") == "cuda" and args.gpus_per_worker is None:
        args.gpus_per_worker = 1.0
    options = replace(options_from(args), keep=max(len(points), 1), test_fraction=0.0)
    plan = make_plan(space, options)
    place = new_place(args, space.name)
    if args.dry_run:
        return DONE
    if args.layout == "none":
        return carry_out(plan, place, store=args.store)
    said = _said(files, points, hashes, results)
    layouts: list[DaartLayout] = []

    def layout(folder: RunFolder) -> Sequence[DaartLayout]:
        from distrib.cli.daart_layout import DaartLayout

        layouts.append(DaartLayout(folder.path, said))
        return layouts

    code = carry_out(plan, place, store=args.store, beside=layout)
    return told(layouts, code)


def told(layouts: Sequence[DaartLayout], code: int) -> int:
    """Say where the models lie; the exit code, 1 where one could not be written."""
    for layout in layouts:
        print("\nthe models:")
        _some([f"  {version}" for version in layout.versions.values()])
        for error in layout.errors:
            print(f"not written: {error}")
        if layout.errors and not code:
            return 1
    return code


def _points(files: ThreeFiles, args: argparse.Namespace) -> tuple[list[dict[str, Any]], list[str]]:
    """The combinations that are trained, and what is said of those that are not."""
    points, notes = files.combinations(), []
    if len(points) < files.count:
        notes.append(
            f"{files.count} combinations, of which {len(points)} differ in what their backbone uses"
        )
    cap = args.max_trials if args.max_trials is not None else files.cap
    if cap is not None and cap < len(points):
        notes.append(f"{cap} of {len(points)} combinations run (tt_n_cpu_trials, --max-trials)")
        points = points[:cap]
    return points, notes


def _hashes(
    files: ThreeFiles, points: list[dict[str, Any]], results: Path, args: argparse.Namespace
) -> tuple[list[str], dict[int, Path]]:
    """The hash of each combination, and the versions that were trained with one of them."""
    from distrib.study.space.configs import checked
    from distrib.trainables.behaviour.daart.folders import completed
    from distrib.trainables.behaviour.daart.keys import settings_of
    from distrib.trainables.behaviour.segmenter.config import SegmenterConfig
    from distrib.trainables.behaviour.source import SessionsSource, load_sessions

    for point in points:  # before the data are read
        checked(SegmenterConfig, settings_of({**files.values, **point}), "the three files")
    if files.ranges:
        return [], {}
    data = load_sessions(checked(SessionsSource, _source(files), "data"), labels=True)
    name = str(files.values.get("tt_experiment_name", "test"))
    fingerprint, hashes = data.fingerprint(), []
    for point in points:
        config = checked(SegmenterConfig, settings_of({**files.values, **point}), "the three files")
        text = json.dumps([config.model_dump(mode="json"), fingerprint, name], sort_keys=True)
        hashes.append(hashlib.sha256(text.encode()).hexdigest()[:32])
    known = {} if args.rerun else completed(results)
    return hashes, {k: known[h] for k, h in enumerate(hashes) if h in known}


def _space(files: ThreeFiles, points: list[dict[str, Any]]) -> Space:
    """The study's space: the combinations as points of a grid, ranges beside them."""
    from distrib.study.space.space_file import parse_space
    from distrib.trainables.behaviour.daart.keys import RENAMED, settings_of
    from distrib.trainables.behaviour.segmenter.config import SegmenterConfig

    settings = [settings_of({**files.values, **point}) for point in points]
    defaults = {name: field.default for name, field in SegmenterConfig.model_fields.items()}
    whole = [{**defaults, **own} for own in settings]
    names = [n for n in SegmenterConfig.model_fields if any(n in own for own in settings)]
    parameters: dict[str, Any] = {}
    varied = []
    for name in names:
        options: list[Any] = []
        for own in whole:
            if own[name] not in options:
                options.append(own[name])
        varied += [name] if len(options) > 1 else []
        parameters[name] = {"grid": options} if len(options) > 1 else {"const": options[0]}
    for key, content in files.ranges.items():
        parameters[RENAMED.get(key, key)] = dict(content)
    semi = [own for own in settings if own.get("semi_supervised_algo")]
    grace = max(
        [1, *(own.get("min_epochs", 10) for own in settings)]
        + [own.get("anneal_end", 50) for own in semi]
    )
    content = {
        "trainable": "segmenter",
        "data": _source(files),
        "scheduler": "none",
        "sampler": "random",
        "metric": "loss",
        "grace": min(grace, min(own["epochs"] for own in whole)),
        "points": [{name: own[name] for name in varied} for own in whole],
        "parameters": parameters,
    }
    name = str(files.values.get("tt_experiment_name", "test"))
    return parse_space(content, name=name, file=str(files.paths["model_config"]))


def _source(files: ThreeFiles) -> dict[str, Any]:
    return {"path": str(files.paths["data_config"].absolute())}


def _said(
    files: ThreeFiles, points: list[dict[str, Any]], hashes: list[str], results: Path
) -> dict[str, Any]:
    from distrib.trainables.behaviour.daart.keys import RENAMED, WITHOUT

    eval_dir = files.folder("eval_dir")
    paths = {option: str(path.absolute()) for option, path in files.paths.items()}
    values = {key: value for key, value in files.values.items() if not isinstance(value, list)}
    from distrib.data.behaviour.folders import find_sessions, input_type_of

    folder = files.folder("data_dir")
    assert folder is not None
    ids = files.names("expt_ids") or tuple(
        f.id for f in find_sessions(folder, input_type_of(folder, files.values.get("input_type")))
    )
    return {
        "results": str(results.absolute()),
        "ids": list(ids),
        "name": str(files.values.get("tt_experiment_name", "test")),
        "values": {**WITHOUT, **values},
        "points": points,
        "ranges": {key: RENAMED.get(key, key) for key in files.ranges},
        "hashes": hashes,
        "source": _source(files),
        "eval_dir": None if eval_dir is None else str(eval_dir.absolute()),
        "files": list(paths),
        **paths,
    }


def _print_configuration(files: ThreeFiles) -> None:
    for option, path in files.paths.items():
        from distrib.trainables.behaviour.daart.keys import FILES

        print(f"{option}: {path}")
        for key in FILES[option]:
            for part in (files.values, files.grid, files.ranges):
                if key in part:
                    print(f"    {key}: {part[key]}")


def _print_table(points: list[dict[str, Any]]) -> None:
    print(f"{len(points)} trial{'s' if len(points) > 1 else ''}")
    _some(
        [
            f"  {number}: {', '.join(f'{k}={v}' for k, v in point.items())}"
            for number, point in enumerate(points)
            if point
        ]
    )


def _some(lines: Sequence[str]) -> None:
    for line in lines[:SAID_AT_MOST]:
        print(line)
    if len(lines) > SAID_AT_MOST:
        print(f"  ... and {len(lines) - SAID_AT_MOST} more")


def resumed_layouts(folder: RunFolder) -> list[DaartLayout]:
    """Who leaves the trials of a study of three files behind; nobody for any other study."""
    from distrib.cli.daart_layout import ORDER, DaartLayout

    file = folder.path / ORDER
    return [DaartLayout(folder.path, json.loads(file.read_text()))] if file.exists() else []
