"""Draws from a trained model: `python -m distrib.generate runs/x/best --num 100 --out x.fasta`."""

from __future__ import annotations

import argparse
import shlex
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from distrib.cli.command import DONE, Parser, add_shared, run_command

if TYPE_CHECKING:
    import pandas as pd

    from distrib.study.driver.model import Model
    from distrib.trainables.capabilities import GenerateOptions

PURPOSE = """\
Draw new samples from a trained model, as its family can.

A model's folder adds the options of its family:
  python -m distrib.generate runs/x/best --help"""
EXAMPLES = """\
python -m distrib.generate runs/x/best --num 1000 --out samples.fasta
python -m distrib.generate runs/x/best --num 1000 --seed 7 --out samples.parquet
python -m distrib.generate runs/x/best --help"""
OWN = ("model", "out", "device", "allow_custom", "debug", "help")


def main(argv: Sequence[str] | None = None) -> int:
    """Draw from a model; the exit code."""
    return run_command(generate, _ModelParser("generate", PURPOSE, EXAMPLES), argv)


class _ModelParser(Parser):
    """The options of the command, and those of the model that its first words name."""

    def __init__(self, verb: str, purpose: str, examples: str) -> None:
        super().__init__(verb, purpose, examples)
        self.set_defaults(asked=None, folder=None)
        self.add_argument("model", help="a best/ folder, named before the options of its family")
        self.add_argument(
            "--out",
            type=Path,
            metavar="FILE",
            required=True,
            help="where they go, by its ending: .csv, .tsv, .json, .parquet or "
            ".fasta (the column `sequence`; the others stand in its headers)",
        )
        self.add_argument("--device", metavar="NAME", help="cpu (default) or cuda")
        add_shared(self, "--allow-custom")
        add_shared(self, "--debug")

    def parse_args(  # type: ignore[override]
        self, args: Sequence[str] | None = None, namespace: Any = None
    ) -> argparse.Namespace:
        words = list(sys.argv[1:] if args is None else args)
        model = next((word for word in words[:1] if not word.startswith("-")), None)
        if model is None:
            # So the help still tells of the two that every family has.
            general = self.add_argument_group("of every family")
            general.add_argument(
                "--num", metavar="N", help="number of samples, of each input where there are some"
            )
            general.add_argument("--seed", metavar="N", help="seed of everything drawn")
        else:
            from distrib.cli.field_options import add_fields

            name, asked, folder = _what_is_asked(model, "--allow-custom" in words)
            add_fields(self.add_argument_group(f"of the family {name}"), asked, OWN)
            self.set_defaults(asked=asked, folder=folder)
        return super().parse_args(words, namespace)


def _what_is_asked(place: str, allow_custom: bool) -> tuple[str, type[GenerateOptions], Path]:
    """The name of a model's family, what it may be asked for, and the model's folder."""
    from distrib.errors import InputError
    from distrib.study.driver.model import family_of
    from distrib.trainables.capabilities import Generates

    family, name, folder = family_of(place, allow_custom=allow_custom)
    if not isinstance(family, Generates):
        raise InputError(
            "this family draws no samples",
            where="MODEL",
            found=f"{place} ({name})",
            expected="a model of what can be drawn, such as a generator of sequences",
            hint=f"python -m distrib.predict {shlex.quote(str(place))} --out predictions.parquet",
        )
    return name, family.Generate, folder


def generate(args: argparse.Namespace) -> int:
    """Load, draw, write whole."""
    from distrib.cli.field_options import instance_of
    from distrib.cli.progress_line import ProgressLine
    from distrib.cli.sample_files import check_ending, sample_file
    from distrib.errors import InputError
    from distrib.study.driver.model import open_model
    from distrib.trainables.capabilities import TellsOfSamples

    if args.asked is None:
        raise InputError(
            "the model comes first", where="MODEL", expected="distrib.generate MODEL [options]"
        )
    check_ending(args.out)
    options: GenerateOptions = instance_of(args.asked, vars(args))
    model: Model = open_model(args.folder, allow_custom=args.allow_custom)
    if args.device is not None:
        model = model.on(args.device)
    # Where there are inputs, only the family knows how many: then no time left is foretold.
    total = None if _has_input(options) else options.num
    tells = model.family if isinstance(model.family, TellsOfSamples) else None
    for note in tells.notes_of(model.config, options) if tells else ():
        print(f"note: {note}")
    counts: list[pd.DataFrame] = []
    done, began = 0, time.monotonic()
    with ProgressLine() as line, sample_file(args.out) as write:
        for table in model.generate_tables(options):
            write(table)
            done += len(table)
            counts += [tells.sample_counts(table)] if tells else []
            line.say(*_how_far(done, total, time.monotonic() - began))
        if not done:
            raise InputError("no samples were drawn", where="MODEL", found=args.model)
    print(f"{done} sample{'s' * (done != 1)} in {args.out}")
    if counts:
        print(_summed(counts).to_string(index=False))
    if getattr(options, "beam", 1) > 1 or getattr(options, "temperature", 1) == 0:
        return DONE  # no seed has a part in these
    leave = " --allow-custom" if args.allow_custom else ""
    print(
        f"next: others by another seed: python -m distrib.generate {shlex.quote(str(args.model))} "
        f"--seed {options.seed + 1} ... --out FILE{leave}"
    )
    return DONE


def _summed(counts: list[pd.DataFrame]) -> pd.DataFrame:
    """A row for each kind of sample, over all tables."""
    import pandas as pd

    every = pd.concat(counts, ignore_index=True)
    return every.groupby(every.columns[0], sort=True).sum().reset_index()


def _has_input(options: GenerateOptions) -> bool:
    """Whether a file is named to draw from."""
    return any(isinstance(value, Path) for value in dict(options).values())


def _how_far(done: int, total: int | None, seconds: float) -> tuple[str, float | None]:
    """What the progress line says, and the seconds that are left."""
    if total is None or not 0 < done <= total:
        return f"{done} samples drawn so far", None
    return f"{done}/{total} samples drawn", seconds * (total - done) / done


if __name__ == "__main__":
    raise SystemExit(main())
