"""`distrib.tune --data_config A --model_config B --train_config C`: daart's files, unchanged."""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from distrib.cli.command import DONE, INTERRUPTED, once
from distrib.errors import InputError

if TYPE_CHECKING:
    from distrib.cli.roads.daart_study import Group
    from distrib.records import Tracker
    from distrib.study.plan.plan import Plan
    from distrib.study.record.run_folder import RunFolder
    from distrib.tracking.heat_map import Training
    from distrib.trainables.behaviour.daart.three_files import ThreeFiles as Files

FAILED = 1
"""The exit code where a training failed, as of daart; that of the others is the study's."""

EVERY = 10**9
"""Trials that keep their state, all there may be: each leaves its model behind."""

SAID_AT_MOST = 12
"""Lines of a table of trials, or of those that are skipped."""


class ThreeFiles:
    """Data, model and training, a YAML file each."""

    needs: ClassVar[tuple[str, ...]] = ("data_config", "model_config", "train_config")
    never: ClassVar[dict[str, str]] = {
        "space": "either a space or the three files",
        "show": "--dry-run shows the grid of the three files; --space segmenter has --show",
        "warm_start": "--space segmenter has this option",
        "data": "the data file says where the data are: data_dir",
        "keep": "every training of the three files leaves its model behind",
        "test_fraction": "expt_ids_test and trial_splits say what the test is",
    }

    def add_options(self, parser: argparse.ArgumentParser) -> None:
        """The files, and what is done with what was trained before."""
        group = parser.add_argument_group("three files of daart, in place of a space")
        for option in self.needs:
            about = f"daart's file of {option.partition('_')[0]} settings; all three are needed"
            group.add_argument(f"--{option}", metavar="YAML", type=Path, help=about)
        group.add_argument(
            "--layout", choices=["daart", "none"], help="what is left (default: daart)"
        )
        group.add_argument(
            "--rerun", action="store_true", help="train again what was trained already"
        )
        group.add_argument(
            "--max-trials",
            type=int,
            metavar="N",
            help="maximum number of combinations trained, the first ones",
        )

    def tune(self, args: argparse.Namespace) -> int:
        """Read, expand, leave out what is trained already, and carry out the rest."""
        from distrib.cli.roads.daart_study import groups_of
        from distrib.trainables.behaviour.daart.folders import completed
        from distrib.trainables.behaviour.daart.three_files import read_three_files

        files = read_three_files({o: getattr(args, o) for o in self.needs}, once(args.set))
        results = files.folder("results_dir")
        if results is None:
            raise InputError(
                "no folder for the results", file=args.data_config, where="results_dir"
            )
        points = _points(files, args)
        _print_configuration(files)
        groups = groups_of(files, points)
        known = {} if args.rerun else completed(results)
        left, skipped = [], []
        for group in groups:
            rest, done = group.without(known)
            skipped += done
            left += [rest] if rest.points else []
        if skipped:
            print(f"{len(skipped)} of {len(points)} were trained already (--rerun repeats them):")
            _some([f"  {version}" for version in skipped])
        if not left:
            print("nothing is left to train")
            return DONE
        studies = []
        for number, group in enumerate(left):
            name = f"{args.name}-{number}" if args.name and len(left) > 1 else args.name
            own = _options(group, results, args, name)
            studies.append((group, own, _plan(group, own)))
        _print_table(files, [(group, plan) for group, _, plan in studies])
        _print_ranking([(group, plan) for group, _, plan in studies])
        codes = []
        for group, own, plan in studies:
            codes.append(_carried_out(self, group, results, own, plan))
            if codes[-1] == INTERRUPTED:  # the same command goes on with what is left after it
                break
        return max(codes)

    def trackers(self, folder: RunFolder) -> Sequence[Tracker]:
        """Of a study of three files, whoever leaves its trials behind."""
        from distrib.cli.roads.daart_layout import ORDER, DaartLayout

        file = folder.path / ORDER
        return [DaartLayout(folder.path, json.loads(file.read_text()))] if file.exists() else []

    def told(self, trackers: Sequence[Tracker], code: int) -> int:
        """Where the models lie; the exit code, 1 where one failed or could not be written."""
        from distrib.cli.roads.daart_layout import DaartLayout

        for layout in trackers:
            assert isinstance(layout, DaartLayout)
            layout.stop()
            print("\nthe models:")
            _some([f"  {version}" for version in layout.versions.values()])
            for error in layout.errors:
                print(error)
            if left := len(layout.waiting):
                print(f"{left} of these {'is' if left == 1 else 'are'} not written: --resume does")
            if layout.failed:
                print(f"{layout.failed} failed: their console.log says why")
            if (layout.errors or layout.waiting or layout.failed) and not code:
                return FAILED
        return code

    def trainings(self, place: Path) -> Iterator[Training]:
        """The completed versions below a folder."""
        from distrib.tracking.heat_map import Training
        from distrib.trainables.behaviour.daart.folders import completed_below
        from distrib.trainables.behaviour.daart.metrics_table import OBJECTIVES, best_figures

        for version, values in completed_below(place):
            figures = best_figures(version, values.get("best_val_epoch"))
            yield Training(values, figures, next((n for n in OBJECTIVES if n in figures), None))


def _options(
    group: Group, results: Path, args: argparse.Namespace, name: str | None
) -> argparse.Namespace:
    """What was given, for the study of one group of combinations."""
    own = argparse.Namespace(**{**vars(args), "set": [], "name": name})
    own.out = args.out or str(results / "studies")
    if group.files.values.get("device") == "cuda" and args.gpus_per_worker is None:
        own.gpus_per_worker = 1.0
    return own


def _plan(group: Group, own: argparse.Namespace) -> Plan:
    """The study of a group: each combination once, or as many drawings of its ranges as asked."""
    from distrib.cli.study_options import options_from
    from distrib.study.plan.plan import make_plan

    options = replace(options_from(own), keep=EVERY, test_fraction=0.0)
    plan = make_plan(group.space(), options)
    caps = [own.max_trials] if own.max_trials is not None else []
    if not group.files.ranges:
        caps.append(len(group.points))
    elif own.trials is None and group.files.cap is not None:
        caps.append(group.files.cap)
    plan = replace(plan, trials=min([plan.trials, *caps]))
    if own.concurrent is None:
        at_once = min(group.files.at_once, plan.trials)
        plan = replace(plan, options=replace(plan.options, concurrent=at_once))
    return plan


def _carried_out(
    road: ThreeFiles, group: Group, results: Path, own: argparse.Namespace, plan: Plan
) -> int:
    """The study of one group of combinations."""
    from distrib.cli.execute import carry_out
    from distrib.cli.roads.daart_layout import DaartLayout
    from distrib.cli.study_options import new_place

    place = new_place(own, plan.space.name)
    if own.dry_run:
        return DONE
    layouts: list[DaartLayout] = []

    def layout(folder: RunFolder) -> Sequence[DaartLayout]:
        if own.layout != "none":
            layouts.append(DaartLayout(folder.path, group.order(results)))
        return layouts

    return road.told(layouts, carry_out(plan, place, store=own.store, beside=layout))


def _points(files: Files, args: argparse.Namespace) -> list[dict[str, Any]]:
    """The combinations that are trained; those that are not are told of."""
    points = files.combinations()
    if len(points) < files.count:
        print(
            f"{files.count} combinations, of which {len(points)} differ in what their backbone uses"
        )
    cap = args.max_trials if args.max_trials is not None else files.cap
    if cap is not None and cap < len(points):
        print(f"{cap} of {len(points)} combinations run (tt_n_cpu_trials, --max-trials)")
        points = points[:cap]
    return points


def _print_configuration(files: Files) -> None:
    from distrib.trainables.behaviour.daart.keys import FILES

    for option, path in files.paths.items():
        print(f"{option}: {path}")
        for key in FILES[option]:
            for part in (files.values, files.grid, files.ranges):
                if key in part:
                    print(f"    {key}: {_written(part[key])}")


def _print_table(files: Files, studies: Sequence[tuple[Group, Plan]]) -> None:
    """The number of trials, the ranges that they draw from, and what each of them is."""
    total = sum(plan.trials for _, plan in studies)
    print(f"{total} trial{'s' if total > 1 else ''}")
    for key, content in files.ranges.items():
        print(f"  {key} is drawn from {_written(content)}")
    rows = [point for group, plan in studies for point in _rows(group, plan)]
    lines = (", ".join(f"{k}={_written(v)}" for k, v in point.items()) for point in rows)
    _some([f"  {number}: {line}" for number, line in enumerate(lines) if line], total)


def _print_ranking(studies: Sequence[tuple[Group, Plan]]) -> None:
    """By what trials are ranked, where the loss cannot say it."""
    for keys, metric in dict.fromkeys(
        (", ".join(group.incomparable()), plan.objective.name) for group, plan in studies
    ):
        if keys and metric == "loss":
            print(f"note: losses of different {keys} cannot be compared, yet they rank the trials")
        elif keys:
            print(f"ranked by {metric}: losses of different {keys} cannot be compared (--metric)")


def _rows(group: Group, plan: Plan) -> list[dict[str, Any]]:
    """What differs between the first trials of a study; what results decide is left out."""
    count = min(plan.trials, SAID_AT_MOST + 1)
    points = [group.points[number % len(group.points)] for number in range(count)]
    if not group.files.ranges or plan.sampler != "random":
        return points
    from distrib.study.driver.dry_run import sample
    from distrib.trainables.behaviour.daart.keys import RENAMED

    names = {key: RENAMED.get(key, key) for key in group.files.ranges}
    return [
        {**point, **{key: drawn[name] for key, name in names.items() if name in drawn}}
        for point, drawn in zip(points, sample(plan, count))
    ]


def _written(value: Any) -> str:
    """Numbers in few digits, a range as it stands in YAML."""
    if isinstance(value, float):
        return f"{value:.4g}"
    if isinstance(value, dict):
        return f"{{{', '.join(f'{k}: {_written(v)}' for k, v in value.items())}}}"
    if isinstance(value, list):
        return f"[{', '.join(map(_written, value))}]"
    return str(value)


def _some(lines: Sequence[str], total: int | None = None) -> None:
    """The first lines, and how many more there are (of `total`, where not all were made)."""
    for line in lines[:SAID_AT_MOST]:
        print(line)
    if lines and (more := (total or len(lines)) - SAID_AT_MOST) > 0:
        print(f"  ... and {more} more")
