"""A user's trimming data: where its files lie, and what they hold together."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from distrib.data.files.fasta import FASTA_SUFFIXES
from distrib.data.files.text import TABLE_SUFFIXES, check_file, suffix
from distrib.data.vdj.germline.germline import read_germline, trimmed_ends
from distrib.data.vdj.germline.olga import Side, model_name, read_model, reverse_complement
from distrib.data.vdj.trimming.trimming import KEPT_BASES, TrimmingData, encode_ends
from distrib.data.vdj.trimming.trimming_counts import read_counts
from distrib.errors import InputError, nearest
from distrib.safe_yaml import read_yaml_file

YAML_NAME = "trimming.yaml"

_SUFFIXES = {"counts": TABLE_SUFFIXES, "germline": (*FASTA_SUFFIXES, *TABLE_SUFFIXES)}
_FORM = (
    "a folder with counts.tsv|csv|parquet (gene, trim, count) and germline.fasta|tsv|csv|parquet; "
    "a YAML file that names them as counts and germline; or a table of counts alone, for OLGA's "
    "genes"
)


def read_trimming(
    path: Path,
    chain: str = "TRB",
    species: str = "human",
    gene_end: Side = "v",
    trim_min: int = 2,
    trim_max: int = 14,
    *,
    targets: bool = True,
) -> TrimmingData:
    """Read counts and germline genes, in the order of the germline.

    Args:
        path: a folder, a YAML file, or one file: a table of counts of the genes of OLGA's model of
            `chain` and `species`; without targets, a germline file.
        targets: whether counts are read, and genes without any left out.

    Raises:
        InputError: naming the file, row or key at fault.
    """
    files = _find(path, targets)
    if targets and "counts" not in files:
        raise InputError("no table of counts", file=path, expected=_FORM)
    if "germline" in files:
        germline, source = read_germline(files["germline"]), str(files["germline"])
    elif targets and path.is_file() and "counts" in files:
        germline, source = _olga_germline(chain, species, gene_end)
    else:
        raise InputError("no germline sequences", file=path, expected=_FORM)
    notes: list[str] = []
    trims = np.arange(trim_min, trim_max + 1)
    weights = None
    genes = list(germline)
    if targets:
        genes, weights = read_counts(files["counts"], germline, trims, notes)
    ends = trimmed_ends(
        {gene: germline[gene] for gene in genes}, gene_end, trim_max + KEPT_BASES, source
    )
    return TrimmingData(
        genes=np.array(genes),
        ends=encode_ends(list(ends.values()), trim_max),
        trims=trims,
        weights=weights,
        gene_end=gene_end,
        origin=str(path),
        notes=tuple(notes),
    )


def _olga_germline(chain: str, species: str, gene_end: Side) -> tuple[dict[str, str], str]:
    """OLGA's genes, turned back to their coding strand, and what to call them."""
    name = model_name(chain, species)
    end = read_model(name).gene_end(gene_end)
    turned = [reverse_complement(s) for s in end.sequences] if gene_end == "j" else end.sequences
    return dict(zip(end.genes, turned)), f"OLGA {name}"


def _find(path: Path, targets: bool) -> dict[str, Path]:
    if path.is_dir():
        named = path / YAML_NAME
        return _from_yaml(named) if named.is_file() else _from_folder(path)
    if not path.exists():
        raise InputError("no such folder or file", file=path, expected=_FORM)
    if path.suffix.lower() in (".yaml", ".yml"):
        return _from_yaml(path)
    key = "counts" if targets else "germline"
    return {key: _of_kind(path, key, path, None)}


def _from_folder(folder: Path) -> dict[str, Path]:
    found: dict[str, Path] = {}
    names = sorted(path.name for path in folder.iterdir() if not path.name.startswith("."))
    for key, suffixes in _SUFFIXES.items():
        there = [n for n in names if n.split(".")[0] == key and suffix(Path(n)) in suffixes]
        if len(there) > 1:
            raise InputError(f"the {key} are there twice", file=folder, found=", ".join(there))
        if there:
            found[key] = folder / there[0]
    if not found:
        raise InputError(
            "no trimming data in this folder",
            file=folder,
            found=", ".join(names[:8]) or "nothing",
            expected=_FORM,
        )
    return found


def _from_yaml(path: Path) -> dict[str, Path]:
    check_file(path)
    content = read_yaml_file(path)
    if not isinstance(content, dict):
        raise InputError(
            "expected a mapping of keys to values",
            file=path,
            found=content,
            expected=", ".join(_SUFFIXES),
        )
    found = {}
    for key, value in content.items():
        where = f"key {key!r}"
        if key not in _SUFFIXES:
            raise InputError(
                f"unknown {where}",
                file=path,
                expected=", ".join(_SUFFIXES),
                hint=nearest(str(key), _SUFFIXES),
            )
        if not isinstance(value, str):
            raise InputError("expected a file name", file=path, where=where, found=repr(value))
        found[key] = _of_kind(path.parent / Path(value).expanduser(), key, path, where)
    return found


def _of_kind(file: Path, key: str, named_in: Path, where: str | None) -> Path:
    if not file.exists():
        raise InputError("no such file", file=named_in, where=where, found=file)
    if suffix(file) not in _SUFFIXES[key]:
        raise InputError(
            f"unsupported file extension for {key}",
            file=named_in,
            where=where,
            found=file.name,
            expected=", ".join(_SUFFIXES[key]),
        )
    return file
