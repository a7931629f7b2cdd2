"""`distrib.prepare antibodies`: records of antibodies and antigens, checked and parted."""

from __future__ import annotations

import argparse
import shlex
from pathlib import Path
from typing import TYPE_CHECKING

from distrib.cli.command import DONE, add_shared
from distrib.errors import InputError

if TYPE_CHECKING:
    from distrib.data.antibodies.designs.records import Records

LEAST = 8
"""Tokens of the shortest context, as of `source_context`."""


def add_antibodies(parser: argparse.ArgumentParser) -> None:
    """The arguments of `antibodies`."""
    parser.set_defaults(verb=antibodies)
    parser.add_argument("--input", type=Path, required=True, metavar="FILE",
                        help="records as JSON, CSV, TSV or parquet")  # fmt: skip
    parser.add_argument("--out", type=Path, required=True, metavar="FOLDER",
                        help="a folder that does not exist yet, or is empty")  # fmt: skip
    parser.add_argument("--cluster", choices=["antigen", "antibody", "column"], default="antigen",
                        help="what is never parted: like antigens (default), like antibodies, or "
                        "rows of the same `cluster`")  # fmt: skip
    parser.add_argument("--identity", type=float, default=0.5, metavar="SHARE",
                        help="of MMseqs2's clusters (default 0.5)")  # fmt: skip
    parser.add_argument("--split", default="80/10/10", metavar="A/B/C",
                        help="training, validation and test (default 80/10/10)")  # fmt: skip
    parser.add_argument("--order", choices=["random", "greedy"], default="random",
                        help="random: seeded, parts hold their shares of rows (default); greedy: "
                        "the largest clusters into training first")  # fmt: skip
    parser.add_argument("--on-unknown", type=str.lower, choices=["error", "x", "skip"],
                        default="error", help="letters outside the twenty: refused (default), "
                        "read as X, or their records left out")  # fmt: skip
    parser.add_argument("--on-long", choices=["error", "truncate"],
                        help="antigens longer than a model's context: refused, or cut when they "
                        "are clustered, and counted (default: kept whole and counted; the training "
                        "cuts them by --set on_long=truncate)")  # fmt: skip
    parser.add_argument("--context", type=int, metavar="TOKENS",
                        help="of that model, two special tokens included (default: the family's "
                        "own)")  # fmt: skip
    parser.add_argument("--seed", type=int, default=0, help="of the random order (default 0)")
    parser.add_argument("--threads", type=int, default=1, help="of MMseqs2 (default 1)")
    add_shared(parser, "--debug")


def antibodies(args: argparse.Namespace) -> int:
    """Read, check, cluster, split and write them."""
    from distrib.data.antibodies.designs.prepare import part_records, with_cut_antigens
    from distrib.data.antibodies.designs.records import read_records
    from distrib.data.antibodies.split import parse_shares
    from distrib.files import atomic_path
    from distrib.trainables.antibodies.seq2seq.config import Seq2SeqConfig

    shares = parse_shares(args.split)
    if not 0 < args.identity <= 1:
        raise InputError("not a share", where="--identity", found=args.identity,
                         expected="above 0, at most 1")  # fmt: skip
    usual = Seq2SeqConfig().source_context
    context = usual if args.context is None else args.context
    if context < LEAST:
        raise InputError("too short a context", where="--context", found=args.context,
                         expected=f"at least {LEAST}")  # fmt: skip
    if args.out.exists() and any(args.out.iterdir()):
        raise InputError("there is something in this folder already", where="--out",
                         found=args.out)  # fmt: skip
    records = read_records(args.input, on_unknown=args.on_unknown)
    number, antigens = len(records), len(set(records.antigen))
    print(f"{number:,} record{'s' * (number != 1)}, {antigens:,} antigen{'s' * (antigens != 1)}")
    for note in records.notes:
        print(f"note: {note}")
    most = context - 2
    long = [row for row, antigen in enumerate(records.antigen) if len(antigen) > most]
    if long:
        _tell_long(args, records, long, most)
    parted = part_records(
        records, args.cluster, args.identity, shares, order=args.order, seed=args.seed,
        threads=args.threads, say=print,
    )  # fmt: skip
    if args.on_long == "truncate":
        parted = with_cut_antigens(parted, most)
    args.out.mkdir(parents=True, exist_ok=True)
    with atomic_path(args.out / "records.parquet") as temporary:
        frame = parted.frame()
        others = [name for name in frame.columns if name != "pKd"]
        frame[others] = frame[others].astype(str)  # cells of a JSON file may be of any kind
        frame.to_parquet(temporary, index=False)
    more = "" if context == usual else f" --set source_context={context}"
    if long and args.on_long is None:
        more += " --set on_long=truncate"
    print(f"next: python -m distrib.tune --space seq2seq --data {shlex.quote(str(args.out))}{more}")
    return DONE


def _tell_long(args: argparse.Namespace, records: Records, long: list[int], most: int) -> None:
    """Count the records whose antigens are longer, or refuse them."""
    longest = max(len(records.antigen[row]) for row in long)
    if args.on_long == "error":
        raise InputError(
            "an antigen longer than the model's context",
            file=args.input,
            where=f"record {records.ids.values[long[0]]}",
            found=f"{len(records.antigen[long[0]])} residues ({len(long):,} such "
            f"record{'s' * (len(long) != 1)})",
            expected=f"at most {most}",
            hint="--on-long truncate cuts them, --context sets another length",
        )
    what = f"{len(long):,} of {len(records):,} records"
    have = "has an antigen" if len(long) == 1 else "have antigens"
    done = "is cut" if len(long) == 1 else "are cut"
    if args.on_long is None:
        done = "stays whole here" if len(long) == 1 else "stay whole here"
    print(f"note: {what} {have} of more than {most:,} residues, the longest of {longest:,}: "
          f"{done}{'' if args.on_long else ', a training cuts (on_long=truncate)'}")  # fmt: skip
