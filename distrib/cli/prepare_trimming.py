"""What `distrib.prepare trimming` does: many tables of rearrangements into one prepared folder."""

from __future__ import annotations

import argparse
import gzip
import hashlib
import shutil
import time
import zlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from distrib.cli.progress_line import ProgressLine
from distrib.data.vdj.germline.loci import Locus, check_group, find_locus
from distrib.data.vdj.germline.olga import model_name
from distrib.data.vdj.germline.parameter_groups import find_group
from distrib.data.vdj.ligation.classes import tell_classes
from distrib.data.vdj.prepare.igor_values import Events, igor_events
from distrib.data.vdj.prepare.prepare import count_rearrangements
from distrib.data.vdj.prepare.prepare_germline import germline_beside
from distrib.data.vdj.prepare.prepare_recipe import Recipe
from distrib.data.vdj.prepare.prepare_result import Account, finish
from distrib.data.vdj.prepare.prepare_sieve import READ
from distrib.data.vdj.prepare.prepared import Prepared, is_prepared, write_prepared
from distrib.data.vdj.prepare.programs import find_program
from distrib.data.vdj.prepare.rearrangements import has_indices
from distrib.data.vdj.prepare.shared_rows import shared_rows
from distrib.errors import InputError

if TYPE_CHECKING:
    import pyarrow as pa

    from distrib.cluster.mapping.progress import MapProgress

PARTS = ".parts"  # what is done of a preparation that goes over several processes
LITTLE = 20e6  # bytes that are read sooner than Ray starts
_FUNCTION = f"{count_rearrangements.__module__}:{count_rearrangements.__name__}"
_RECORDED = ("scenarios", "seed", "weigh", "max_insertions", "all_are")
_SAMPLE = 1 << 20  # bytes by which the rows of a file are estimated

Counted = tuple[list["pa.Table"], dict[str, int]]


def prepare(
    inputs: Sequence[Path], recipe: Recipe, out: Path, origin: dict[str, Any],
    notes: Sequence[str], address: str | None,
) -> tuple[Prepared, Account]:  # fmt: skip
    """Count every file and write what they hold together.

    One file, or a few small ones, are read in this process; more by Ray, and then an interrupted
    call goes on where it was.

    Raises:
        InputError: naming the file and row at fault, or an output folder that holds other things.
    """
    check_place(out)
    for path in inputs:
        if not path.is_file():
            raise InputError("no such file", where="--input", found=path)
    doubled = [path for path, times in Counter(p.resolve() for p in inputs).items() if times > 1]
    if doubled:
        raise InputError("a file that is given twice", where="--input", found=doubled[0])
    _refuse_copies(inputs)
    size = sum(path.stat().st_size for path in inputs)
    is_new = not out.exists()
    out.mkdir(parents=True, exist_ok=True)
    try:
        with ProgressLine() as line:
            shared = shared_rows(inputs, recipe, lambda text: line.say(text, None))
        recipe = replace(recipe, shared=shared.runs)
        if address is None and (len(inputs) == 1 or size <= LITTLE):
            tables, counts = _count_here(inputs, recipe)
        else:
            tables, counts = _count_with_ray(inputs, recipe, out, address)
        files = [{"file": str(path), "bytes": path.stat().st_size} for path in inputs]
        prepared, account = finish(
            recipe, tables, counts, {**origin, "files": files}, (*notes, *shared.notes)
        )
        prepared = replace(prepared, notes=(*prepared.notes, *tell_classes(prepared)))
    except BaseException:
        if is_new and not any(out.iterdir()):
            out.rmdir()
        raise
    write_prepared(out, prepared)
    shutil.rmtree(out / PARTS, ignore_errors=True)
    return prepared, account


def recipe_of(args: argparse.Namespace) -> tuple[Recipe, dict[str, Any], list[str]]:
    """What the arguments ask for, where its germline comes from, and notes on that.

    Raises:
        InputError: naming the option, or the row of the germline or key of the format at fault.
    """
    locus = find_locus(args.chain)
    check_group(find_group(args.group), locus)
    program = find_program(args.format)
    notes: list[str] = []
    genes, added, source = germline_beside(locus, args.species, args.germline, notes)
    junction = find_group(args.group).junction
    most = args.max_insertions
    if most is None and junction in ("vj", None) and not locus.d:
        most = locus.max_insertions
    recipe = Recipe(
        locus=locus,
        group=args.group,
        program=program,
        genes=genes,
        added=added,
        trims=(args.trim_min, args.trim_max),
        scenarios=args.scenarios,
        seed=args.seed,
        weigh=args.weigh,
        max_insertions=most,
        on_unknown=args.on_unknown,
        on_duplicate=args.on_duplicate,
        subject_column=args.subject_column,
        all_are=args.all_are,
        events=_events(args, locus),
    )
    origin = {
        "format": args.format,
        "species": args.species,
        "germline": source,
        **{key: getattr(recipe, key) for key in _RECORDED},
    }
    return recipe, origin, notes


def _events(args: argparse.Namespace, locus: Locus) -> Events | None:
    """What IGoR's indices mean; nothing where no table holds any."""
    if not any(path.is_file() and has_indices(path) for path in args.input):
        return None
    model = "" if args.igor_model else model_name(locus.chain, args.species)
    return igor_events(args.igor_model, model)


def check_place(out: Path) -> None:
    """Raise InputError where a folder holds anything but a preparation."""
    if not out.exists():
        return
    own = out.is_dir() and (
        not any(out.iterdir()) or is_prepared(out) or {p.name for p in out.iterdir()} == {PARTS}
    )
    if not own:
        raise InputError("there is something already", where="--out", found=out,
                         expected="a new or empty folder, or a prepared one")  # fmt: skip


def _refuse_copies(inputs: Sequence[Path]) -> None:
    """Raise InputError where two files of one size hold the same: all of it would count twice."""
    of_size: dict[int, list[Path]] = {}
    for path in inputs:
        of_size.setdefault(path.stat().st_size, []).append(path)
    for paths in of_size.values():
        seen: dict[bytes, Path] = {}
        for path in paths if len(paths) > 1 else ():
            with path.open("rb") as file:
                digest = hashlib.file_digest(file, "blake2b").digest()
            if digest in seen:
                raise InputError("two files with the same content", where="--input",
                                 found=f"{seen[digest]} and {path}",
                                 expected="each table once")  # fmt: skip
            seen[digest] = path


def _count_here(inputs: Sequence[Path], recipe: Recipe) -> Counted:
    tables, counts = [], Counter[str]()
    options = recipe.options()
    with ProgressLine() as line:
        expected = sum(filter(None, map(_rows, inputs)))
        began = time.monotonic()
        for path in inputs:
            for item in count_rearrangements(str(path), **options):
                if isinstance(item, dict):
                    counts.update(item)
                    done, seconds = counts[READ], time.monotonic() - began
                    left = seconds * max(expected - done, 0) / done if expected else None
                    line.say(f"{done:,} rows of {path.name}", left)
                else:
                    tables.append(item)
    return tables, counts


def _count_with_ray(
    inputs: Sequence[Path], recipe: Recipe, out: Path, address: str | None
) -> Counted:
    import pyarrow.parquet as pq

    from distrib.cluster.connect import connected
    from distrib.cluster.mapping.map_files import map_files

    parts = out / PARTS
    with ProgressLine() as line:

        def show(progress: MapProgress) -> None:
            for news in progress.news:
                line.keep(news)
            files = f"{progress.done} of {progress.total} files"
            line.say(f"{files}, {progress.rows:,} rows kept", progress.eta)

        with connected(address, threads=1, ship=[_FUNCTION]):
            result = map_files(_FUNCTION, inputs, parts, options=recipe.options(), on_progress=show)
    tables = [pq.read_table(path, use_threads=False) for path in sorted(parts.glob("*.parquet"))]
    return tables, result.counts


def _rows(path: Path) -> int | None:
    """About how many rows a file has, by its first megabyte; None where it cannot be told."""
    try:
        with path.open("rb") as raw:
            is_gzip = path.suffix.lower() == ".gz"
            file = gzip.GzipFile(fileobj=raw) if is_gzip else raw
            lines = file.read(_SAMPLE).count(b"\n")
            read = raw.tell()
    except (OSError, EOFError, zlib.error):
        return None
    return round(lines * path.stat().st_size / max(read, 1))
