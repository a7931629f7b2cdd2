"""Searches: `python -m distrib.tune --space mlp`."""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from distrib.cli.command import DONE, Parser, run_command
from distrib.cli.execute import carry_out
from distrib.cli.roads.road import asked, roads
from distrib.cli.study_options import (
    add_options,
    add_search_options,
    new_place,
    options_from,
    place_of,
    resumed,
)
from distrib.errors import InputError

EXAMPLES = """\
python -m distrib.tune --space mlp
python -m distrib.tune --space trimming --set data.chain=TRA --trials 30
python -m distrib.tune --space mlp --data my_screen/ --time-budget 20m --seed 7
python -m distrib.tune --space my_space.yaml --allow-custom --concurrent 4
python -m distrib.tune --resume runs/mlp-0 --trials 200
python -m distrib.tune --space mlp --show
python -m distrib.tune --space mlp --dry-run
python -m distrib.tune --data_config data.yaml --model_config m.yaml --train_config t.yaml"""


def main(argv: Sequence[str] | None = None) -> int:
    """Search for good hyperparameters; the exit code."""
    parser = Parser("tune", "Search for good hyperparameters of one model family.", EXAMPLES)
    add_search_options(parser)
    for road in roads():
        road.add_options(parser)
    add_options(parser)
    return run_command(tune, parser, argv)


def tune(args: argparse.Namespace) -> int:
    """Begin a study, or go on with one."""
    from distrib.study.plan.plan import make_plan
    from distrib.study.space.space_file import find_space, space_names

    if args.resume:
        files = {name: f"--{name}" for road in roads() for name in road.needs}
        for name, option in {"space": "--space", "warm_start": "--warm-start", **files}.items():
            if getattr(args, name):
                raise InputError("a resumed study keeps its own", where=option)
        plan, folder, stored = resumed(args)
        left = [(road, road.trackers(folder)) for road in roads()]
        looking = [tracker for _, trackers in left for tracker in trackers]
        code = carry_out(
            plan, folder, stored=stored, store=args.store, beside=lambda folder: looking
        )
        for road, trackers in left:
            code = road.told(trackers, code)
        return code
    if (other := asked(args)) is not None:
        return other.tune(args)
    if not args.space:
        raise InputError(
            "which space?",
            where="--space",
            expected=f"one of {', '.join(space_names())}, or a YAML file",
            hint="python -m distrib.tune --help",
        )
    plan = make_plan(find_space(args.space), options_from(args))
    if args.show:
        from distrib.cli.show import show

        show(plan)
        return DONE
    from distrib.api.places import find_study

    warm = find_study(args.warm_start, place_of(args)).path if args.warm_start else None
    place = new_place(args, plan.space.name, warm)
    if args.dry_run:
        from distrib.study.driver.dry_run import dry_run

        dry_run(plan, place, print)
        return DONE
    return carry_out(plan, place, store=args.store)


if __name__ == "__main__":
    raise SystemExit(main())
