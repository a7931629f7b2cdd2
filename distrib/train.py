"""Trains one configuration: `python -m distrib.train --config runs/mlp-0/best`."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import replace

from distrib.cli.command import DONE, Parser, run_command
from distrib.cli.execute import carry_out
from distrib.cli.study_options import add_group, add_options, new_place, options_from, resumed
from distrib.errors import InputError

EXAMPLES = """\
python -m distrib.train --config runs/mlp-0/best
python -m distrib.train --config runs/mlp-0/best --data my_screen/ --seed 3
python -m distrib.train --space mlp --set hidden_width=64 --max-epochs 100
python -m distrib.train --space trimming_ligation_em --data prepared/ --bootstrap 100
python -m distrib.train --space lel_pca --show
python -m distrib.train --space seq2seq_large --data data/ab --dry-run
python -m distrib.train --resume last"""


def main(argv: Sequence[str] | None = None) -> int:
    """Train one configuration; the exit code."""
    parser = Parser("train", "Train one configuration, without a search.", EXAMPLES)
    which = parser.add_argument_group("what is trained")
    which.add_argument("--config", metavar="FOLDER|FILE", help="a best/ folder, or its config.yaml")
    which.add_argument(
        "--space",
        metavar="NAME|FILE",
        help="what this space sets, and its family's defaults for what it varies",
    )
    which.add_argument(
        "--dry-run",
        action="store_true",
        help="check everything, train a little, tell time and memory; leave nothing behind",
    )
    add_group(parser, "bootstrap")
    add_options(parser)
    return run_command(train, parser, argv)


def train(args: argparse.Namespace) -> int:
    """Train what `--config` or `--space` names, or go on with an interrupted training."""
    from distrib.study.plan.fixed_space import (
        read_config,
        space_of_config,
        space_of_defaults,
        split_of_config,
    )
    from distrib.study.plan.plan import make_plan

    if sum(map(bool, (args.config, args.space, args.resume))) != 1:
        raise InputError(
            "what is to be trained?",
            where="--config, --space or --resume",
            expected="exactly one of them",
            hint="python -m distrib.train --help",
        )
    if args.resume:
        plan, folder, stored = resumed(args)
        return carry_out(plan, folder, stored=stored, store=args.store, searched=False)
    options = replace(options_from(args), trials=1, scheduler="none", sampler="random")
    if args.config:
        content, file = read_config(args.config)
        space = space_of_config(content, file, seeded=args.seed is None)
        others = any(key.startswith("data.") for key, _ in args.set)
        if not others and args.data in (None, space.data.get("path")):
            split = split_of_config(content, file)
            if args.test_fraction is not None:
                split["test_fraction"] = args.test_fraction
            options = replace(options, **split)
    else:
        space = space_of_defaults(args.space)
    plan = make_plan(space, options)
    if args.show:
        from distrib.cli.show import show

        show(plan)
        return DONE
    place = new_place(args, plan.space.name)
    if args.dry_run:
        from distrib.study.driver.dry_run import dry_run

        dry_run(plan, place, print)
        return DONE
    return carry_out(plan, place, store=args.store, searched=False)


if __name__ == "__main__":
    raise SystemExit(main())
