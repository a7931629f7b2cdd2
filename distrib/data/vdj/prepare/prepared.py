"""A prepared repertoire: condensed counts of a parameter group, with the germline genes they name.

vdj.yaml        what it is: chain, group, window, where it comes from, rows kept and dropped;
                written last: without it a folder is not prepared
counts.parquet  subject, genes, trims and count; one row for each that was seen
genes.tsv       gene, segment, sequence and anchor of every gene that the counts name
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import yaml

from distrib.data.vdj.germline.parameter_groups import Group, find_group
from distrib.data.vdj.prepare.prepared_checks import checked_counts, checked_genes, checked_window
from distrib.errors import InputError
from distrib.files import atomic_path, atomic_write
from distrib.safe_yaml import read_yaml_file

YAML_NAME, COUNTS_NAME, GENES_NAME = "vdj.yaml", "counts.parquet", "genes.tsv"
FORM = 1

Segment = Literal["V", "D", "J"]


@dataclass(frozen=True)
class Gene:
    """One germline gene.

    Attributes:
        name: its IMGT allele.
        sequence: the whole gene on its coding strand, 5'->3', of A, C, G and T.
        anchor: position, from 0, of the first base of the codon that ends the CDR3: of the
            conserved Cys of V, of the Phe or Trp of J; None of D genes and where it is unknown.
    """

    name: str
    segment: Segment
    sequence: str
    anchor: int | None


@dataclass(frozen=True, eq=False)
class Prepared:
    """Condensed counts and their genes.

    Attributes:
        chain: "TRA", "IGH" and so on.
        trims: the smallest and the largest of the window, in nucleotides; negative trims are
            P-nucleotides kept. Rows of ligation groups may lie outside, as another annotation of
            the same sequence may lie inside; those of other groups never do.
        genes: by name, all that the counts name and perhaps others.
        counts: the columns `subject`, `group.genes`, `group.trims`, `ligation_mh` where it is
            known, and `count` (int64, or float64 where scenarios were weighed); every key once.
        origin: where it comes from and what was dropped, as plain values.
        notes: what a reader should know.
    """

    chain: str
    group: Group
    trims: tuple[int, int]
    genes: Mapping[str, Gene]
    counts: pd.DataFrame
    origin: Mapping[str, Any] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


def write_prepared(folder: Path, prepared: Prepared) -> None:
    """Write all three files into a folder that exists.

    Raises:
        OSError: a full or read-only disk.
    """
    (folder / YAML_NAME).unlink(missing_ok=True)
    with atomic_path(folder / GENES_NAME) as path:
        genes = pd.DataFrame([asdict(gene) for gene in prepared.genes.values()])
        genes["anchor"] = genes["anchor"].astype("Int64")
        genes = genes.rename(columns={"name": "gene"})
        genes.to_csv(path, sep="\t", index=False, lineterminator="\n")
    with atomic_path(folder / COUNTS_NAME) as path:
        pq.write_table(pa.Table.from_pandas(prepared.counts, preserve_index=False), path)
    group = prepared.group
    content = {
        "form": FORM,
        "chain": prepared.chain,
        "group": {key: value or "none" if key in ("left", "right") else value
                  for key, value in asdict(group).items()},
        "trims": list(prepared.trims),
        "total": np.sum(prepared.counts["count"].to_numpy()).item(),
        "subjects": int(prepared.counts["subject"].nunique()),
        "origin": dict(prepared.origin),
        "notes": list(prepared.notes),
    }  # fmt: skip
    atomic_write(
        folder / YAML_NAME, yaml.safe_dump(content, sort_keys=False, allow_unicode=True, width=100)
    )


def is_prepared(folder: Path) -> bool:
    """Whether a folder is one that `write_prepared` finished."""
    return (folder / YAML_NAME).is_file()


def read_prepared(folder: Path) -> Prepared:
    """Read a prepared folder.

    Raises:
        InputError: naming the file and the row or key of what is missing or cannot be.
    """
    if not folder.is_dir():
        raise InputError("no such folder", file=folder, expected="a prepared folder")
    if not is_prepared(folder):
        raise InputError(
            "the folder is not prepared",
            file=folder,
            found=", ".join(sorted(p.name for p in folder.iterdir())[:8]) or "nothing",
            expected=f"{YAML_NAME}, {COUNTS_NAME} and {GENES_NAME}",
            hint="python -m distrib.prepare trimming --help",
        )
    file = folder / YAML_NAME
    content = _read_yaml(file)
    group = _group(content["group"], file)
    genes = {
        name: Gene(name, segment, sequence, anchor)
        for name, segment, sequence, anchor in checked_genes(folder / GENES_NAME)
    }
    trims = checked_window(content["trims"], file)
    segments = {gene.name: gene.segment for gene in genes.values()}
    lengths = {gene.name: len(gene.sequence) for gene in genes.values()}
    counts = checked_counts(folder / COUNTS_NAME, group, trims, segments, lengths)
    origin, notes = content.get("origin") or {}, content.get("notes") or ()
    return Prepared(content["chain"], group, trims, genes, counts, origin, tuple(map(str, notes)))


def counts_of(prepared: Prepared, subject: str | None, origin: str) -> pd.DataFrame:
    """The counts of one subject, or of all.

    Raises:
        InputError: a subject that is not there.
    """
    counts = prepared.counts
    if subject is None:
        return counts
    kept = counts[counts["subject"].astype(str) == subject]
    if not len(kept):
        raise InputError(
            "no such subject",
            file=origin,
            found=subject,
            expected=", ".join(sorted(set(counts["subject"].astype(str)))[:8]),
        )
    return kept


def _read_yaml(file: Path) -> dict[str, Any]:
    content = read_yaml_file(file)
    if not isinstance(content, dict):
        raise InputError("expected a mapping of keys to values", file=file, found=repr(content))
    if content.get("form") != FORM:
        raise InputError("a form that this version does not read", file=file, where="key 'form'",
                         found=content.get("form"), expected=str(FORM))  # fmt: skip
    for key, kind in (("chain", str), ("group", dict), ("trims", list)):
        if not isinstance(content.get(key), kind):
            raise InputError(f"no usable key {key!r}", file=file, found=repr(content.get(key)))
    return content


def _group(spelled: dict[str, Any], file: Path) -> Group:
    """The group of that name, which must mean what the file says it means."""
    group = find_group(spelled.get("name", ""), file=file, where="key 'group.name'")
    for key, value in asdict(group).items():
        if spelled.get(key) != (value or "none" if key in ("left", "right") else value):
            raise InputError("a parameter group that meant something else", file=file,
                             where=f"key 'group.{key}'", found=spelled.get(key),
                             expected=f"{value} in {group.name}")  # fmt: skip
    return group
