"""`distrib.prepare oas` and `cluster`: their arguments, and what they do."""

from __future__ import annotations

import argparse
import glob
import shlex
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from distrib.cli.command import DONE, add_shared
from distrib.errors import InputError, one_line

if TYPE_CHECKING:
    from distrib.cluster.mapping.progress import MapProgress, MapResult
    from distrib.data.antibodies.chains import Chains

_FILTERS = ("species", "disease", "vaccine", "btype", "bsource", "isotype")


def add_oas(parser: argparse.ArgumentParser) -> None:
    """The arguments of `oas`."""
    parser.set_defaults(verb=oas)
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument("--units", nargs="+", metavar="FILE",
                        help="data units (.csv.gz), also patterns and URLs")  # fmt: skip
    source.add_argument("--catalogue", type=Path, metavar="FOLDER|FILE",
                        help="tables of all units' metadata: which of them to fetch")  # fmt: skip
    parser.add_argument("--out", type=Path, metavar="FOLDER", help="of --units")
    parser.add_argument("--list", type=Path, metavar="FILE.txt",
                        help="of --catalogue: the addresses of the units, one a line")  # fmt: skip
    parser.add_argument("--paired", action="store_true", help="units of pairs")
    wanted = parser.add_argument_group(
        "filters on a unit's metadata: values parted by commas; None is a word of the database's"
    )
    wanted.add_argument("--chain", choices=["heavy", "light"], help="of unpaired units")
    defaults = {"species": "human", "disease": "None", "vaccine": "None"}
    for name in _FILTERS:
        default = f" (default: {defaults[name]}; any: all)" if name in defaults else ""
        wanted.add_argument(f"--{name}", metavar="VALUES", default=defaults.get(name),
                            help=f"as the unit's metadata has them{default}")  # fmt: skip
    parser.add_argument("--incomplete", action="store_true",
                        help="keep rows that are no whole V(D)J sequences")  # fmt: skip
    _machine(parser)


def add_cluster(parser: argparse.ArgumentParser) -> None:
    """The arguments of `cluster`."""
    parser.set_defaults(verb=cluster)
    parser.add_argument("--data", type=Path, required=True, metavar="FOLDER|FILE",
                        help="chains: a folder of `prepare oas`, FASTA, CSV, parquet, "
                        "or one a line")  # fmt: skip
    parser.add_argument("--out", type=Path, required=True, metavar="FOLDER",
                        help="a folder that does not exist yet, or is empty")  # fmt: skip
    parser.add_argument("--chain", choices=["heavy", "light"], default="heavy",
                        help="by which rows are clustered (default heavy)")  # fmt: skip
    parser.add_argument("--paired", action="store_true",
                        help="pairs, also as HEAVY[SEP]LIGHT lines or FASTA: both chains of a row "
                        "stay together")  # fmt: skip
    parser.add_argument("--column", metavar="COLUMN", help="of the amino acids")
    parser.add_argument("--on-unknown", type=str.lower, choices=["error", "x", "skip"], default="x",
                        help="letters outside the twenty: refused, read as X (default), or their "
                        "rows left out")  # fmt: skip
    steps = parser.add_argument_group("steps, in this order")
    steps.add_argument("--cdrh3-identity", type=float, metavar="SHARE",
                       help="keep one chain of each cluster of CDR3s")  # fmt: skip
    steps.add_argument("--identity", type=float, metavar="SHARE",
                       help="keep one chain of each cluster of whole sequences")  # fmt: skip
    steps.add_argument("--split-identity", type=float, metavar="SHARE",
                       help="clusters that the split keeps whole")  # fmt: skip
    steps.add_argument("--cluster-column", metavar="COLUMN", help="those clusters, by a column")
    steps.add_argument("--split", default="80/10/10", metavar="A/B/C",
                       help="training, validation and test (default 80/10/10)")  # fmt: skip
    steps.add_argument("--order", choices=["random", "greedy"], default="random",
                       help="random: seeded, parts hold their shares of rows (default); greedy: "
                       "the largest clusters into training first")  # fmt: skip
    steps.add_argument("--seed", type=int, default=0, help="of the random order (default 0)")
    parser.add_argument("--threads", type=int, default=1, help="of MMseqs2 (default 1)")
    add_shared(parser, "--debug")


def _machine(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--address", help="a Ray cluster, such as auto; else a Ray of its own")
    add_shared(parser, "--debug")


def oas(args: argparse.Namespace) -> int:
    """List the units of a catalogue, or make a training set of units."""
    from distrib.data.antibodies.oas.filters import parse_wanted

    given = {name: None if (value := getattr(args, name)) == "any" else value for name in _FILTERS}
    if args.chain:
        if args.paired:
            raise InputError("units of pairs have both chains", where="--chain", found=args.chain)
        given["chain"] = args.chain
    elif not args.paired:
        raise InputError("which chain?", where="--chain", expected="heavy, light, or --paired")
    wanted = parse_wanted(given)
    if args.catalogue is not None:
        return _list(args, wanted)
    return _units(args, wanted)


def _list(args: argparse.Namespace, wanted: dict[str, list[str]]) -> int:
    from distrib.data.antibodies.oas.catalog import PAIRED, UNPAIRED, read_catalog, select
    from distrib.files import atomic_write

    if args.list is None:
        raise InputError("where shall the list go?", where="--list", expected="a file's name")
    entries = read_catalog(args.catalogue, PAIRED if args.paired else UNPAIRED)
    found = select(entries, wanted)
    for key, (units, sequences) in found.left_out.items():
        print(f"left out by {key}: {units:,} units, {sequences:,} sequences")
    if not found.entries:
        raise InputError("no unit is left", file=args.catalogue,
                         found=f"{len(entries):,} units, none as asked for")  # fmt: skip
    for values, units, sequences in found.by("BType", "BSource"):
        print(f"{', '.join(values)}: {units:,} units, {sequences:,} sequences")
    atomic_write(args.list, "".join(f"{entry.url}\n" for entry in found.entries))
    print(f"{args.list}: {len(found.entries):,} of {len(entries):,} units, {found.sequences:,} "
          "sequences")  # fmt: skip
    print(f"next: fetch them, such as wget -i {shlex.quote(str(args.list))}, then "
          "python -m distrib.prepare oas --units '*.csv.gz' ...the same filters... "
          "--out data/oas")  # fmt: skip
    return DONE


def _units(args: argparse.Namespace, wanted: dict[str, list[str]]) -> int:
    from distrib.data.antibodies.oas.unit import KEPT, READ

    if args.out is None:
        raise InputError("where shall the chains go?", where="--out", expected="a folder")
    units = _expanded(args.units)
    options = {"wanted": wanted, "paired": args.paired, "complete": not args.incomplete}
    new = not args.out.exists() or not any(args.out.iterdir())
    result = _map(units, args.out, options, args.address)
    counts = dict(result.counts)
    for failure in result.failures:
        told = one_line(failure.told)
        place = "" if failure.input in told else f"{failure.input}: "
        print(f"left out, unreadable: {place}{told}")
    total, kept = counts.pop(READ, 0), counts.pop(KEPT, 0)
    _write_counts(args.out / "counts.csv", result)
    print(f"{len(result.records):,} of {len(units):,} units read, {total:,} rows")
    for reason, rows in sorted(counts.items(), key=lambda item: -item[1]):
        if rows:
            print(f"  {reason}: {rows:,}")
    print(f"  kept: {kept:,}")
    if not kept:
        if new:  # the next try, with other filters, finds a free place
            shutil.rmtree(args.out)
        most = max(counts, key=lambda reason: counts[reason], default="nothing was readable")
        raise InputError(
            "nothing is left",
            file=args.out,
            found=f"{total:,} rows, most of them left out by: {most}",
            hint="`any` leaves a filter out, --incomplete keeps sequences that are not whole",
        )
    print(f"{args.out}: {kept:,} {'pairs' if args.paired else f'{args.chain} chains'}")
    where = shlex.quote(str(args.out))
    space = f"{_space(args.paired, args.chain)} --data {where}"
    how = f"--paired --chain {args.chain or 'light'} " if args.paired else ""
    if args.chain == "light" and not args.paired:
        how = "--chain light "
    print(f"next: python -m distrib.prepare cluster --data {where} {how}--split-identity 0.5 "
          f"--out clustered, or python -m distrib.tune --space {space}")  # fmt: skip
    return DONE


def _expanded(words: list[str]) -> list[str]:
    units: list[str] = []
    for word in words:
        found = sorted(glob.glob(word)) if "://" not in word else [word]  # noqa: PTH207
        if not found:
            raise InputError("no unit of this name", where="--units", found=word)
        units += found
    return units


def _map(units: list[str], out: Path, options: dict, address: str | None) -> MapResult:
    from distrib.cli.progress_line import ProgressLine
    from distrib.cluster.connect import connected
    from distrib.cluster.mapping.map_files import map_files
    from distrib.data.antibodies.oas.unit import FUNCTION

    with ProgressLine() as line:

        def show(progress: MapProgress) -> None:
            for news in progress.news:
                line.keep(news)
            line.say(f"{progress.done} of {progress.total} units, {progress.rows:,} rows kept",
                     progress.eta)  # fmt: skip

        with connected(address, threads=1, ship=[FUNCTION]):
            return map_files(
                FUNCTION, units, out, options=options, on_progress=show, keep_going=True
            )


def _write_counts(path: Path, result: MapResult) -> None:
    """A row per unit and reason; they add up to the unit's rows."""
    import pandas as pd

    from distrib.data.antibodies.oas.unit import READ
    from distrib.files import atomic_path

    rows = [
        (record.input, reason, count)
        for record in result.records
        for reason, count in record.counts.items()
        if reason != READ and count
    ]
    rows += [(failure.input, "unreadable", 0) for failure in result.failures]
    with atomic_path(path) as temporary:
        pd.DataFrame(rows, columns=["unit", "what", "rows"]).to_csv(temporary, index=False)


def cluster(args: argparse.Namespace) -> int:
    """Leave like chains out, cluster the rest, split by clusters."""
    import json

    from distrib.data.antibodies.chains import read_chains
    from distrib.data.antibodies.protocol import Steps, cluster_chains
    from distrib.data.antibodies.split import parse_shares
    from distrib.files import atomic_path, atomic_write

    out: Path = args.out
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise InputError("there is something already", where="--out", found=out,
                         expected="a new or empty folder")  # fmt: skip
    if args.threads < 1:
        raise InputError("no thread to work with", where="--threads", found=args.threads)
    steps = Steps(
        cdr3_identity=args.cdrh3_identity,
        identity=args.identity,
        split_identity=args.split_identity,
        column=args.cluster_column,
        shares=parse_shares(args.split),
        order=args.order,
        seed=args.seed,
        distinct=not args.paired,
        threads=args.threads,
    )
    if args.paired:
        chains = _of_pairs(args)
    else:
        chains = read_chains(args.data, args.chain, column=args.column, on_unknown=args.on_unknown)
    for note in chains.notes():
        print(f"note: {note}")
    done = cluster_chains(chains, args.chain, steps, lambda line: print(line, flush=True))
    found = done.chains
    frame = found.columns.copy()
    frame.insert(0, "id", found.ids.values)
    frame.insert(1, found.column or "sequence_alignment_aa", found.sequences)
    out.mkdir(parents=True, exist_ok=True)
    with atomic_path(out / "chains.parquet") as temporary:
        frame.to_parquet(temporary, index=False)
    atomic_write(out / "clusters.json", json.dumps(done.record, indent=1) + "\n")
    method = done.record["clusters"]["method"]
    what = f"pairs by their {args.chain} chains" if args.paired else f"{args.chain} chains"
    print(f"{out}: {len(found):,} {what}, clusters by {method}")
    space = _space(args.paired, args.chain)
    print(f"next: python -m distrib.tune --space {space} --data {shlex.quote(str(out))}")
    return DONE


def _space(paired: bool, chain: str | None) -> str:
    """What such data are for."""
    return "heavy2light" if paired else "clm" if chain == "light" else "mlm"


def _of_pairs(args: argparse.Namespace) -> Chains:
    """The chain that is clustered, the other one among its columns."""
    from dataclasses import replace

    import pandas as pd

    from distrib.data.antibodies.pairs.pair_rows import pair_rows
    from distrib.data.antibodies.pairs.reading import read_pairs

    if args.column is not None:
        raise InputError("pairs have two columns of chains, which are found by their names",
                         where="--column", found=args.column)  # fmt: skip
    pairs = read_pairs(args.data, on_unknown=args.on_unknown)
    pair_rows(pairs)  # exchanged chains are refused
    both = pd.DataFrame({"heavy": pairs.heavy.sequences, "light": pairs.light.sequences})
    first = both.drop_duplicates().index.to_numpy()
    print(f"one of each pair: {len(pairs):,} -> {len(first):,}")
    pairs = pairs.take(first)
    ours, other = (pairs.heavy, pairs.light)[:: 1 if args.chain == "heavy" else -1]
    columns = ours.columns.drop(columns=[other.column], errors="ignore")
    name = other.column or ("light" if args.chain == "heavy" else "heavy")
    columns.insert(0, name, other.sequences)
    return replace(ours, columns=columns)
