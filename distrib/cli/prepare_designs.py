"""`distrib.prepare antibodies`: records of antibodies and antigens, checked and parted."""

from __future__ import annotations

import argparse
import shlex
from pathlib import Path

from distrib.cli.command import DONE, add_shared
from distrib.errors import InputError


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
    parser.add_argument("--on-unknown", choices=["error", "x", "skip"], default="error",
                        help="letters outside the twenty: refused (default), read as X, or their "
                        "records left out")  # fmt: skip
    parser.add_argument("--seed", type=int, default=0, help="of the random order (default 0)")
    parser.add_argument("--threads", type=int, default=1, help="of MMseqs2 (default 1)")
    add_shared(parser, "--debug")


def antibodies(args: argparse.Namespace) -> int:
    """Read, check, cluster, split and write them."""
    from distrib.data.antibodies.designs.prepare import part_records
    from distrib.data.antibodies.designs.records import read_records
    from distrib.data.antibodies.split import parse_shares
    from distrib.files import atomic_path

    shares = parse_shares(args.split)
    if not 0 < args.identity <= 1:
        raise InputError("not a share", where="--identity", found=args.identity,
                         expected="above 0, at most 1")  # fmt: skip
    if args.out.exists() and any(args.out.iterdir()):
        raise InputError("there is something in this folder already", where="--out",
                         found=args.out)  # fmt: skip
    records = read_records(args.input, on_unknown=args.on_unknown)
    print(f"{len(records):,} records, {len(set(records.antigen)):,} antigens")
    for note in records.notes:
        print(f"note: {note}")
    parted = part_records(
        records, args.cluster, args.identity, shares, order=args.order, seed=args.seed,
        threads=args.threads, say=print,
    )  # fmt: skip
    args.out.mkdir(parents=True, exist_ok=True)
    with atomic_path(args.out / "records.parquet") as temporary:
        frame = parted.frame()
        others = [name for name in frame.columns if name != "pKd"]
        frame[others] = frame[others].astype(str)  # cells of a JSON file may be of any kind
        frame.to_parquet(temporary, index=False)
    print(f"next: python -m distrib.tune --space seq2seq --data {shlex.quote(str(args.out))}")
    return DONE
