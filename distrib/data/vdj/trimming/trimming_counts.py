"""Counts of trimmed sequences by gene and trim, from a table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from distrib.data.files.ids import refuse_damage
from distrib.data.files.tables import read_table, to_numbers
from distrib.data.vdj.germline.germline import require_known
from distrib.errors import InputError, nearest


def read_counts(
    path: Path, germline: Mapping[str, str], trims: np.ndarray, notes: list[str]
) -> tuple[list[str], np.ndarray]:
    """Counts by gene and trim, summed over subjects.

    The table (CSV, TSV, parquet) has the columns `gene`, `trim` and `count`, and `subject` where
    there are several. A trim that no row names was not seen.

    Args:
        germline: the genes that may stand there, in the order that the result takes.
        trims: (trims,) integers, ascending without gaps: the window. Rows outside are left out.
        notes: gets a line for observations outside the window, and for genes without any inside.

    Returns:
        names of the genes with observations in the window, and (genes, trims) float64 counts.

    Raises:
        InputError: naming the row and column at fault.
    """
    frame = read_table(path)
    genes = _read_genes(frame, path, germline)
    trim, count = to_numbers(frame, ["trim", "count"], path, notes=notes).T
    rows = frame.index.to_numpy()
    _refuse(trim != np.round(trim), rows, "trim", trim, path, "a whole number of nucleotides")
    _refuse(count < 0, rows, "count", count, path, "0 or more")
    _refuse_twice(frame, genes, trim, path)

    inside = (trim >= trims[0]) & (trim <= trims[-1])
    position = {gene: i for i, gene in enumerate(germline)}
    row_of_gene = np.array([position[gene] for gene in genes])
    counts = np.zeros((len(germline), len(trims)))
    columns = (trim[inside] - trims[0]).astype(np.int64)
    np.add.at(counts, (row_of_gene[inside], columns), count[inside])

    window = f"trims {trims[0]} to {trims[-1]}"
    if outside := count[~inside].sum():
        notes.append(
            f"{path}: {outside:g} of {count.sum():g} observations ({(~inside).sum()} rows) lie "
            f"outside {window} and were left out"
        )
    seen = counts.sum(axis=1) > 0
    if not seen.any():
        raise InputError(
            f"no observation in the window of {window}",
            file=path,
            found=f"{outside:g} outside it",
            hint="another window: --set data.trim_min=... and data.trim_max=...",
        )
    named = set(genes)
    unseen = [gene for gene in named if not seen[position[gene]]]
    if unseen:
        names = ", ".join(sorted(unseen, key=position.__getitem__))
        notes.append(f"{path}: genes without observations in {window} were left out: {names}")
    return [gene for gene, some in zip(germline, seen) if some], counts[seen]


def _read_genes(frame: pd.DataFrame, path: Path, germline: Mapping[str, str]) -> list[str]:
    if "gene" not in frame.columns:
        raise InputError(
            "no column 'gene'",
            file=path,
            found=", ".join(frame.columns),
            expected="columns gene, trim and count",
            hint=nearest("gene", frame.columns),
        )
    genes = [gene.strip() if isinstance(gene, str) else "" for gene in frame["gene"]]
    checked: set[str] = set()
    for row, gene in zip(frame.index, genes):
        if gene in checked:
            continue
        where = f"row {row}, column 'gene'"
        if not gene:
            raise InputError("a row without a gene", file=path, where=where)
        refuse_damage(gene, path, where)
        require_known(gene, germline, path, where)
        checked.add(gene)
    return genes


def _refuse(
    wrong: np.ndarray, rows: np.ndarray, column: str, values: np.ndarray, path: Path, expected: str
) -> None:
    if wrong.any():
        first = int(np.argmax(wrong))
        raise InputError(
            f"invalid {column}",
            file=path,
            where=f"row {rows[first]}, column {column!r}",
            found=f"{values[first]:g}",
            expected=expected,
        )


def _refuse_twice(frame: pd.DataFrame, genes: Sequence[str], trim: np.ndarray, path: Path) -> None:
    """Rows of one gene and trim belong to different subjects."""
    keys = pd.DataFrame({"gene": genes, "trim": trim}, index=frame.index)
    if "subject" in frame.columns:
        keys["subject"] = frame["subject"]
    again = keys.duplicated()
    if again.any():
        second = keys[again].iloc[0]
        same = (keys == second).all(axis=1)
        first_row, second_row = keys.index[same][:2]
        who = f" in subject {second['subject']}" if "subject" in keys else ""
        raise InputError(
            f"{second['gene']} with trim {second['trim']:g} is there twice{who}",
            file=path,
            where=f"rows {first_row} and {second_row}",
            expected="one row for each gene and trim" + (" of a subject" if who else ""),
            hint=None if who else "a column `subject` tells several people apart",
        )
