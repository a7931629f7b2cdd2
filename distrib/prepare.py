"""Prepares data: `python -m distrib.prepare trimming --input repertoire/*.tsv ...`."""

from __future__ import annotations

import argparse
import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NoReturn

from distrib.cli.command import DONE, Parser, add_shared, run_command
from distrib.cli.prepare_antibodies import add_cluster, add_oas
from distrib.cli.prepare_designs import add_antibodies
from distrib.cli.prepare_screens import add_embed, add_expression
from distrib.errors import InputError

EXAMPLES = """\
python -m distrib.prepare example --space mlp --out my_screen/
python -m distrib.prepare example --space trimming --out my_counts/
python -m distrib.prepare trimming --input repertoire/*.tsv --format airr --chain TRA \\
    --group nonproductive_v-j_trim_ligation-mh --out data/
python -m distrib.prepare expression --targets targets.csv --embeddings tf.npy \\
    --embedding-ids ids.npy --splits splits.pkl --out data/screen
python -m distrib.prepare embed --sequences sequences.csv --model encoder/ --out embeddings.npz
python -m distrib.prepare oas --catalogue oas_catalog/ --chain heavy --bsource PBMC --list urls.txt
python -m distrib.prepare oas --units "oas/*.csv.gz" --chain heavy --bsource PBMC --out data/oas
python -m distrib.prepare cluster --data data/oas --cdrh3-identity 1.0 --identity 0.7 \\
    --split-identity 0.5 --split 80/10/10 --out data/heavy"""


class _Verb(argparse.ArgumentParser):
    """The arguments of one kind of preparation."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options, allow_abbrev=False)

    def error(self, message: str) -> NoReturn:
        raise InputError(message, hint=f"{self.prog} --help")


def main(argv: Sequence[str] | None = None) -> int:
    """Prepare data; the exit code."""
    parser = Parser("prepare", "Write data in the form that --data takes.", EXAMPLES)
    verbs = parser.add_subparsers(dest="what", required=True, parser_class=_Verb, metavar="WHAT")
    _add_example(verbs.add_parser("example", help="a small example of a family's own form"))
    _add_trimming(verbs.add_parser("trimming", help="trims of V(D)J genes, from repertoire files"))
    add_expression(verbs.add_parser("expression", help="a perturbation screen, from its files"))
    add_embed(verbs.add_parser("embed", help="embeddings of sequences, by an encoder"))
    add_oas(verbs.add_parser("oas", help="antibody chains, from data units of OAS"))
    add_antibodies(verbs.add_parser("antibodies", help="antibodies with antigens, parted"))
    add_cluster(verbs.add_parser("cluster", help="antibody chains without like ones, split"))
    return run_command(lambda args: args.verb(args), parser, argv)


def _add_example(parser: argparse.ArgumentParser) -> None:
    parser.set_defaults(verb=example)
    parser.add_argument(
        "--space", required=True, metavar="NAME|FILE", help="the space whose family's data it shows"
    )
    parser.add_argument(
        "--out",
        type=Path,
        required=True,
        metavar="FOLDER",
        help="a folder that does not exist yet, or is empty",
    )
    add_shared(parser, "--allow-custom", "--debug")


def _add_trimming(parser: argparse.ArgumentParser) -> None:
    parser.set_defaults(verb=trimming)
    parser.add_argument("--input", type=Path, nargs="+", required=True, metavar="FILE",
                        help="tables of rearrangements, also .gz")  # fmt: skip
    parser.add_argument("--format", required=True, metavar="NAME|FILE.yaml",
                        help="adaptive, airr, igor, mixcr, vdjserver, or a YAML file that says "
                        "where things stand")  # fmt: skip
    parser.add_argument("--chain", required=True, metavar="NAME|FILE.yaml",
                        help="TRA, TRB, TRG, TRD, IGH, IGK, IGL, or a locus of yours")  # fmt: skip
    parser.add_argument("--group", required=True, metavar="NAME",
                        help="which gene ends and rearrangements, such as nonproductive_v_trim "
                        "or nonproductive_v-j_trim_ligation-mh")  # fmt: skip
    parser.add_argument("--out", type=Path, required=True, metavar="FOLDER",
                        help="a folder that does not exist yet, or is empty")  # fmt: skip
    genes = parser.add_argument_group("genes")
    genes.add_argument("--species", default="human", help="human (default) or mouse")
    genes.add_argument("--germline", nargs="+", default=[], metavar="FILE",
                       help="FASTA, or a table of gene, sequence, anchor; else OLGA's; several add "
                       "what the first lacks: --germline olga my_genes.fasta")  # fmt: skip
    genes.add_argument("--on-unknown", choices=["skip", "error"], default="skip",
                       help="what becomes of rows whose gene is unknown or ambiguous; those "
                       "that are left out are counted (default: skip)")  # fmt: skip
    genes.add_argument("--igor-model", type=Path, metavar="FILE",
                       help="model_parms.txt of the IGoR run; else OLGA's")  # fmt: skip
    rows = parser.add_argument_group("rows")
    rows.add_argument("--subject-column", metavar="COLUMN",
                      help="names people; else the format's own, or the file's name")  # fmt: skip
    rows.add_argument("--on-duplicate", choices=["skip", "error"], default="skip",
                      help="what becomes of a row that equals an earlier one of the same sequence "
                      "id; those that are left out are counted (default: skip)")  # fmt: skip
    rows.add_argument("--scenarios", choices=["sample", "all"], default="sample",
                      help="of a sequence with several: one drawn by its probability, or all "
                      "with their shares (default: sample)")  # fmt: skip
    rows.add_argument("--seed", type=int, default=0, help="of that draw (default 0)")
    rows.add_argument("--weigh", choices=["rows", "counts"], default="rows",
                      help="rows: each is one rearrangement, however often it was read "
                      "(default); counts: as often as its count says")  # fmt: skip
    rows.add_argument("--all-are", choices=["productive", "nonproductive"],
                      help="what rows are where no column tells")  # fmt: skip
    rows.add_argument("--max-insertions", type=int, metavar="N",
                      help="leave out rows with more (default: 15 for TRA)")  # fmt: skip
    rows.add_argument("--trim-min", type=int, default=-2, metavar="N",
                      help="the smallest trim; -2 keeps two P-nucleotides (default)")  # fmt: skip
    rows.add_argument("--trim-max", type=int, default=14, metavar="N",
                      help="the largest trim (default 14)")  # fmt: skip
    machine = parser.add_argument_group("machines")
    machine.add_argument("--address", help="a Ray cluster, such as auto; else a Ray of its own")
    add_shared(machine, "--debug")


def example(args: argparse.Namespace) -> int:
    """Write the family's example into a new folder."""
    from distrib.study.space.space_file import find_space
    from distrib.trainables.capabilities import HasExample
    from distrib.trainables.registry import load_family

    family = load_family(find_space(args.space).trainable, allow_custom=args.allow_custom)
    if not isinstance(family, HasExample):
        raise InputError("this family has no example data", found=type(family).__name__)
    folder: Path = args.out
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise InputError(
            "there is something already",
            where="--out",
            found=folder,
            expected="a new or empty folder",
        )
    folder.mkdir(parents=True, exist_ok=True)
    try:
        family.example(folder)
    except InputError:
        if not any(folder.iterdir()):
            folder.rmdir()
        raise
    for file in sorted(folder.iterdir()):
        print(f"{file}  {file.stat().st_size:,} bytes")
    print(f"next: python -m distrib.tune --space {args.space} --data {shlex.quote(str(folder))}")
    return DONE


def trimming(args: argparse.Namespace) -> int:
    """Prepare repertoire files and say what became of their rows."""
    from distrib.cli.prepare_trimming import prepare, recipe_of

    recipe, origin, notes = recipe_of(args)
    prepared, account = prepare(args.input, recipe, args.out, origin, notes, args.address)
    print("\n".join(account.lines()))
    for note in prepared.notes:
        print(f"note: {note}")
    counts, genes = prepared.counts, prepared.group.genes
    print(f"{args.out}: {counts['count'].sum():,.10g} rearrangements of "
          f"{counts['subject'].nunique()} subjects, {len(counts[list(genes)].drop_duplicates()):,} "
          f"different {' and '.join(genes)}")  # fmt: skip
    space = "trimming"
    if prepared.group.junction:
        space = "trimming_ligation_em" if prepared.group.ligation else "trimming_ligation"
    print(f"next: python -m distrib.tune --space {space} --data {shlex.quote(str(args.out))}")
    return DONE


if __name__ == "__main__":
    raise SystemExit(main())
