"""`distrib.prepare expression` and `embed`: their arguments, and what they do."""

from __future__ import annotations

import argparse
import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Any

from distrib.cli.command import DONE, add_shared
from distrib.errors import InputError

if TYPE_CHECKING:
    from distrib.data.screens.screen import Screen


def add_expression(parser: argparse.ArgumentParser) -> None:
    """The arguments of `expression`."""
    parser.set_defaults(verb=expression)
    parser.add_argument("--targets", type=Path, required=True, metavar="FILE",
                        help="responses: a row for each perturbation (its id in `gene_id` or "
                        "`id`), a column for each gene")  # fmt: skip
    parser.add_argument("--out", type=Path, required=True, metavar="FOLDER",
                        help="a folder that does not exist yet, or is empty")  # fmt: skip
    _add_forms(parser)
    rows = parser.add_argument_group("perturbations")
    rows.add_argument("--embeddings", type=Path, metavar="FILE", help=".npy, .npz or a table")
    rows.add_argument("--embedding-ids", type=Path, metavar="FILE", help="of a bare .npy")
    rows.add_argument("--sequences", type=Path, metavar="FILE",
                      help="a table with a column `sequence`, or FASTA")  # fmt: skip
    rows.add_argument("--splits", type=Path, metavar="FILE",
                      help="folds of your own: a table of id and fold, JSON, .npz, or a pickle "
                      "with nothing but arrays in it")  # fmt: skip
    rows.add_argument("--groups", type=Path, metavar="FILE",
                      help="a table of id and group: rows that are never parted")  # fmt: skip
    rows.add_argument("--responding", type=Path, metavar="FILE",
                      help="which genes respond to what, 1 or 0, in the form of the "
                      "targets")  # fmt: skip
    genes = parser.add_argument_group("genes")
    genes.add_argument("--gene-embeddings", type=Path, metavar="FILE",
                       help="of the targets' columns: .npy, .npz or a table")  # fmt: skip
    genes.add_argument("--gene-embedding-ids", type=Path, metavar="FILE", help="of a bare .npy")
    genes.add_argument("--top-genes", type=int, metavar="N",
                       help="keep only the N that respond most on average")  # fmt: skip
    parser.add_argument("--on-missing", choices=["error", "skip"], default="error",
                        help="what becomes of embeddings that are not finite; those that are "
                        "left out are counted (default: error)")  # fmt: skip
    add_shared(parser, "--debug")


def _add_forms(parser: argparse.ArgumentParser) -> None:
    """The arguments that say how the targets are written."""
    ids = parser.add_argument_group("ids")
    ids.add_argument("--id-column", metavar="NAME",
                     help="the targets' column of ids; with --ids, its column of "
                     "names")  # fmt: skip
    ids.add_argument("--ids", type=Path, metavar="FILE",
                     help="a table of names and ids, such as tf_sequences.csv: names are made "
                     "ids")  # fmt: skip
    long = parser.add_argument_group("targets as a long table, or with a row per guide")
    long.add_argument("--row", metavar="COLUMN", help="the perturbation of a line")
    long.add_argument("--column", metavar="COLUMN", help="its gene")
    long.add_argument("--value", metavar="COLUMN", help="its number")
    long.add_argument("--aggregate", choices=["mean", "se"],
                      help="what becomes of several values of one perturbation and gene, lines "
                      "or rows of guides: their mean, or that by standard errors (default: they "
                      "are refused)")  # fmt: skip
    long.add_argument("--weights", metavar="COLUMN", help="weigh them by numbers of this column")
    long.add_argument("--standard-errors", metavar="COLUMN|FILE",
                      help="of the values: a column of a long table, or a table in the form of a "
                      "wide one")  # fmt: skip
    long.add_argument("--keep-weights", action="store_true",
                      help="keep how much each perturbation rests upon, by --weights, standard "
                      "errors or numbers of values, for `row_weights: given`")  # fmt: skip
    long.add_argument("--min-values", type=int, metavar="N",
                      help="leave out perturbations and genes with fewer values")  # fmt: skip
    cells = parser.add_argument_group("targets as cells (.h5ad)")
    cells.add_argument("--perturbation-column", metavar="NAME",
                       help="of the cells: what was perturbed; of a wide table: what a guide "
                       "perturbs")  # fmt: skip
    cells.add_argument("--control", metavar="NAME",
                       help="its value for the control: cells that all others are compared to; in "
                       "a table, whose values are changes already, a row to leave out")  # fmt: skip
    cells.add_argument("--effect", choices=["difference", "lfc", "pseudobulk"],
                       default="difference",
                       help="difference of means to control (default), log2 fold change of counts "
                       "per 10,000 plus 1, or the mean itself")  # fmt: skip
    cells.add_argument("--layer", metavar="NAME", help="instead of X")


def add_embed(parser: argparse.ArgumentParser) -> None:
    """The arguments of `embed`."""
    parser.set_defaults(verb=embed)
    parser.add_argument("--sequences", type=Path, required=True, metavar="FILE",
                        help="a table with a column `sequence`, or FASTA")  # fmt: skip
    parser.add_argument("--proteins", action="store_true",
                        help="they are of amino acids, for an encoder of proteins such as "
                        "ESM")  # fmt: skip
    parser.add_argument("--model", required=True, metavar="FOLDER|NAME",
                        help="an encoder in the form of transformers: a folder, or its name on a "
                        "hub")  # fmt: skip
    parser.add_argument("--out", type=Path, required=True, metavar="FILE.npz")
    parser.add_argument("--pool", choices=["mean", "cls"], default="mean",
                        help="the mean over the tokens (default), or the first one")  # fmt: skip
    parser.add_argument("--batch-tokens", type=int, default=8192, metavar="N",
                        help="tokens of a batch, padding included (default 8192)")  # fmt: skip
    parser.add_argument("--device", choices=["cpu", "cuda"], default="cpu")
    hub = parser.add_argument_group("models of a hub")
    hub.add_argument("--revision", metavar="HASH", help="the commit of the model's repository")
    hub.add_argument("--trust-remote-code", action="store_true",
                     help="run code that comes with the model; a hub's needs "
                     "--revision")  # fmt: skip
    add_shared(parser, "--debug")


def expression(args: argparse.Namespace) -> int:
    """Read, join, write, and say what became of the rows."""
    from distrib.cli.progress_line import ProgressLine
    from distrib.data.screens.expression import ExpressionFiles, read_expression
    from distrib.data.screens.expression_targets import TargetForm
    from distrib.data.screens.screen_writer import write_screen

    names = [name for name in ExpressionFiles.__dataclass_fields__ if name != "form"]
    form: dict[str, Any] = {
        name: getattr(args, name, None) for name in TargetForm.__dataclass_fields__
    }
    form["perturbation"] = args.perturbation_column
    form["effect"] = args.effect
    files = ExpressionFiles(
        **{name: getattr(args, name) for name in names}, form=TargetForm(**form)
    )
    if args.min_values is not None and args.min_values < 1:
        raise InputError("at least one value", where="--min-values", found=args.min_values)
    if args.top_genes is not None and args.top_genes < 1:
        raise InputError("no gene to keep", where="--top-genes", found=args.top_genes)
    out: Path = args.out
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise InputError(
            "there is something already", where="--out", found=out, expected="a new or empty folder"
        )
    notes: list[str] = []
    with ProgressLine() as line:
        screen = read_expression(
            files,
            notes,
            top_genes=args.top_genes,
            skip_missing=args.on_missing == "skip",
            min_values=args.min_values,
            say=lambda done, total: line.say(f"{done:,} of {total:,} cells", None),
        )
    out.mkdir(parents=True, exist_ok=True)
    for file in write_screen(
        out, screen, groups=files.groups is not None, origin=f"Prepared from {files.targets.name}."
    ):
        print(f"{file}  {file.stat().st_size:,} bytes")
    for note in notes:
        print(f"note: {note}")
    print(f"{out}: {_sizes(screen)}")
    print(f"next: python -m distrib.tune --space {_space(screen)} --data {shlex.quote(str(out))}")
    return DONE


def embed(args: argparse.Namespace) -> int:
    """Embed every sequence and write the vectors with their ids."""
    import numpy as np

    from distrib.cli.progress_line import ProgressLine
    from distrib.data.files.sequences import read_sequences
    from distrib.files import atomic_path
    from distrib.trainables.screens.ia3.embedder import Embedder

    if args.out.suffix != ".npz":
        raise InputError(
            "unsupported file extension", where="--out", found=args.out.name, expected=".npz"
        )
    if not args.out.absolute().parent.is_dir():
        raise InputError("no such folder", where="--out", found=args.out.parent)
    if args.batch_tokens < 1:
        raise InputError("a batch without tokens", where="--batch-tokens", found=args.batch_tokens)
    ids, sequences = read_sequences(
        args.sequences, "amino acids" if args.proteins else "nucleotides"
    )
    embedder = Embedder(
        args.model,
        pool=args.pool,
        device=args.device,
        budget=args.batch_tokens,
        revision=args.revision,
        trust_remote_code=args.trust_remote_code,
    )
    notes: list[str] = []
    with ProgressLine() as line:
        values = embedder.embed(
            sequences,
            ids.values.tolist(),
            lambda done, left: line.say(f"{done:,} of {len(ids):,} sequences", left),
            args.sequences,
            notes,
        )
    with atomic_path(args.out) as temporary, temporary.open("wb") as file:
        np.savez(file, ids=ids.values, embeddings=values)
    for note in notes:
        print(f"note: {note}")
    print(f"{args.out}: {len(values):,} embeddings of {values.shape[1]} numbers")
    beside = "" if args.proteins else f"--sequences {shlex.quote(str(args.sequences))} "
    print(
        "next: python -m distrib.prepare expression --targets targets.csv "
        f"--embeddings {shlex.quote(str(args.out))} {beside}--out screen/"
    )
    return DONE


def _sizes(screen: Screen) -> str:
    known = [
        f"{len(screen):,} perturbations",
        f"{len(screen.columns):,} genes",
        f"embeddings of {screen.inputs.shape[1]}" if screen.inputs.shape[1] else "no embeddings",
    ]
    if screen.gene_inputs is not None:
        known.append(f"gene embeddings of {screen.gene_inputs.shape[1]}")
    if screen.sequences is not None:
        known.append(f"sequences of up to {screen.sequences.dtype.itemsize:,} letters")
    return ", ".join(known)


def _space(screen: Screen) -> str:
    return "lel" if screen.inputs.shape[1] else "ia3"
