"""A perturbation screen out of the files that labs keep: responses, embeddings, sequences, splits.

Targets are a table with a row per perturbation, its Ensembl id in `gene_id` (and a name in
`gene_name`), and a column per gene that is read out. All else is joined to it by id; what lacks a
partner is left out and counted.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from distrib.data.files.ids import Ids, as_ids, examples, join
from distrib.data.files.labels import read_labels
from distrib.data.files.matrix import Matrix, require_finite
from distrib.data.files.matrix_files import read_matrix
from distrib.data.files.sequences import read_sequences
from distrib.data.files.tables import read_parquet, read_rows
from distrib.data.files.text import suffix
from distrib.data.screens.fold_files import read_folds
from distrib.data.screens.screen import Screen
from distrib.data.screens.screen_checks import (
    about_scales,
    about_targets,
    check_folds,
    check_orientation,
    metadata_columns,
    require_variety,
)
from distrib.data.screens.screen_columns import zeros_and_ones
from distrib.data.screens.screen_reader import codes
from distrib.errors import InputError

NAMES = ("gene_name", "gene_symbol", "symbol", "gene")
"""Columns of a table of targets that name its rows for people."""


@dataclass(frozen=True)
class ExpressionFiles:
    """What there is of a screen; only the targets must be, and embeddings or sequences of rows."""

    targets: Path
    embeddings: Path | None = None
    embedding_ids: Path | None = None
    gene_embeddings: Path | None = None
    gene_embedding_ids: Path | None = None
    sequences: Path | None = None
    splits: Path | None = None
    groups: Path | None = None
    responding: Path | None = None


def read_expression(
    files: ExpressionFiles,
    notes: list[str],
    *,
    top_genes: int | None = None,
    skip_missing: bool = False,
) -> Screen:
    """The screen of these files, in the order of the targets.

    Args:
        notes: gets a line for whatever was left out or understood.
        top_genes: keep only so many genes, those that respond most on average, in their order.
        skip_missing: leave embeddings out that are not finite, instead of refusing them.

    Raises:
        InputError: naming the file, row or column at fault.
    """
    if files.embeddings is None and files.sequences is None:
        raise InputError(
            "nothing is known of the perturbations but their targets",
            where="--embeddings or --sequences",
            expected="at least one of them",
        )
    targets = read_matrix(files.targets, labels=_names_in(files.targets), notes=notes)
    folds = None if files.splits is None else read_folds(files.splits, targets.ids)
    rows, ids = np.arange(len(targets.ids)), targets.ids
    inputs, sequences = np.empty((len(ids), 0), dtype=np.float32), None
    if files.embeddings is not None:
        embeddings = _embeddings(
            files.embeddings, files.embedding_ids, notes, skip_missing=skip_missing
        )
        check_orientation(embeddings.ids, targets, notes)
        ids, kept, of_rows = join(ids, embeddings.ids, notes)
        rows, inputs = rows[kept], embeddings.values[of_rows]
    if files.sequences is not None:
        named, found = read_sequences(files.sequences)
        if files.embeddings is None:
            check_orientation(named, targets, notes)
        ids, kept, of_rows = join(ids, named, notes)
        rows, inputs, sequences = rows[kept], inputs[kept], found[of_rows]
    targets = _without_metadata(targets, notes)
    columns, gene_inputs = _genes(files, targets, notes, skip_missing=skip_missing)
    notes += about_scales(
        targets.values[np.ix_(rows, columns)], targets.columns[columns], files.targets
    )
    if top_genes is not None:
        columns, gene_inputs = _top(targets, rows, columns, gene_inputs, top_genes)
    groups = None if files.groups is None else _groups(files.groups, ids)
    values = targets.values[np.ix_(rows, columns)]
    names = targets.columns[columns]
    notes += about_targets(values, names, files.targets)
    require_variety(values, files.targets)
    screen = Screen(
        ids=ids.values,
        inputs=inputs,
        targets=values,
        columns=names,
        groups=np.arange(len(ids)) if groups is None else codes(groups),
        folds=None if folds is None else codes(folds[rows]),
        gene_inputs=gene_inputs,
        sequences=sequences,
        responding=None
        if files.responding is None
        else zeros_and_ones(
            files.responding,
            ids,
            as_ids(names.tolist(), files.targets),
            _names_in(files.responding),
        ),
    )
    check_folds(screen, groups, None if folds is None else folds[rows], files.splits)
    return screen


def _names_in(path: Path) -> list[str]:
    if suffix(path) == ".parquet":
        header = read_parquet(path).column_names
    else:
        header = next(read_rows(path))[1]
    return [name for name in header if name.lower() in NAMES and name.lower() != "gene_id"]


def _embeddings(path: Path, ids: Path | None, notes: list[str], *, skip_missing: bool) -> Matrix:
    matrix = read_matrix(path, ids=ids, notes=notes)
    finite = np.isfinite(matrix.values).all(axis=1)
    if skip_missing and not finite.all():
        lost = matrix.ids.values[~finite]
        notes.append(
            f"{len(lost)} of {len(finite)} embeddings of {path.name} are not finite and were left "
            f"out: {examples(lost)}"
        )
        if not finite.any():
            raise InputError("no embedding is finite", file=path, found=f"{len(lost)} rows")
        kept = np.flatnonzero(finite)
        matrix = Matrix(matrix.ids.take(kept), matrix.columns, matrix.values[kept], file=path)
    require_finite(matrix)
    return matrix


def _without_metadata(targets: Matrix, notes: list[str]) -> Matrix:
    """Without the columns that are called as no gene is, such as n_cells or padj."""
    known = metadata_columns(targets.columns)
    if not known.any():
        return targets
    left, file = targets.columns[known], targets.ids.file
    if known.all():
        raise InputError(
            "no column of genes", file=file, found=examples(left), expected="a column for each gene"
        )
    notes.append(
        f"{len(left)} of {len(known)} columns of {file.name} are no genes by their names and were "
        f"left out: {examples(left)}; where one is a gene, call it by its id"
    )
    kept = np.flatnonzero(~known)
    return Matrix(
        targets.ids, targets.columns[kept], targets.values[:, kept], targets.labels, targets.file
    )


def _genes(
    files: ExpressionFiles, targets: Matrix, notes: list[str], *, skip_missing: bool
) -> tuple[np.ndarray, np.ndarray | None]:
    """Positions of the genes that are kept, and their embeddings: (G,) and (G, e)."""
    if files.gene_embeddings is None:
        return np.arange(len(targets.columns)), None
    embeddings = _embeddings(
        files.gene_embeddings, files.gene_embedding_ids, notes, skip_missing=skip_missing
    )
    _, columns, of_genes = join(
        as_ids(targets.columns.tolist(), files.targets), embeddings.ids, notes
    )
    return columns, embeddings.values[of_genes]


def _top(
    targets: Matrix,
    rows: np.ndarray,
    columns: np.ndarray,
    gene_inputs: np.ndarray | None,
    count: int,
) -> tuple[np.ndarray, np.ndarray | None]:
    """The genes of the largest mean absolute response, in their order."""
    sizes = np.abs(targets.values[np.ix_(rows, columns)])
    measured = np.isfinite(sizes)
    mean = np.where(measured, sizes, 0).sum(axis=0) / np.maximum(measured.sum(axis=0), 1)
    kept = np.sort(np.argsort(-mean, kind="stable")[:count])
    return columns[kept], None if gene_inputs is None else gene_inputs[kept]


def _groups(path: Path, ids: Ids) -> np.ndarray:
    named, labels = read_labels(path, "group")
    common, of_ids, of_labels = join(ids, named, notes=[])
    if len(common) < len(ids):
        lonely = np.delete(ids.values, of_ids)
        raise InputError(
            f"{len(lonely)} of {len(ids)} ids have no group",
            file=path,
            found=f"nothing for {examples(lonely)}",
            expected="a group for each id",
        )
    return labels[of_labels]
