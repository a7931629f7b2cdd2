"""A perturbation screen out of the files that labs keep: responses, embeddings, sequences, splits.

Targets are a table with a row per perturbation, its Ensembl id in `gene_id` (and a name in
`gene_name`), and a column per gene that is read out. All else is joined to it by id; what lacks a
partner is left out and counted.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from distrib.data.files.ids import Ids, as_ids, examples, join
from distrib.data.files.labels import read_labels
from distrib.data.files.matrix import Matrix, require_finite
from distrib.data.files.matrix_files import read_matrix
from distrib.data.files.sequences import read_sequences
from distrib.data.screens.expression_targets import (
    Responses,
    TargetForm,
    names_in,
    read_targets,
)
from distrib.data.screens.fold_files import read_folds
from distrib.data.screens.id_map import by_id, fitting_columns
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
from distrib.data.screens.sparsity import about_left_out, about_missing, enough
from distrib.errors import InputError


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
    form: TargetForm = field(default_factory=TargetForm)


def read_expression(
    files: ExpressionFiles,
    notes: list[str],
    *,
    top_genes: int | None = None,
    skip_missing: bool = False,
    min_values: int | None = None,
    say: Callable[[int, int], None] | None = None,
) -> Screen:
    """The screen of these files, in the order of the targets.

    Args:
        notes: gets a line for whatever was left out or understood.
        top_genes: keep only so many genes, those that respond most on average, in their order.
        skip_missing: leave embeddings out that are not finite, instead of refusing them.
        min_values: leave perturbations and genes out that have fewer values.
        say: hears of cells read, of how many.

    Raises:
        InputError: naming the file, row or column at fault.
    """
    if files.embeddings is None and files.sequences is None:
        raise InputError(
            "nothing is known of the perturbations but their targets",
            where="--embeddings or --sequences",
            expected="at least one of them",
        )
    found_targets = read_targets(files.targets, files.form, notes, say)
    targets, known = found_targets.matrix, found_targets.known
    folds = None if files.splits is None else read_folds(files.splits, targets.ids)
    rows, ids = np.arange(len(targets.ids)), targets.ids
    inputs, sequences = np.empty((len(ids), 0), dtype=np.float32), None
    if files.embeddings is not None:
        embeddings = _embeddings(
            files.embeddings, files.embedding_ids, notes, skip_missing=skip_missing
        )
        of_embeddings = by_id(embeddings.ids, known, notes) if known else embeddings.ids
        _check_control(files.targets, found_targets, of_embeddings)
        check_orientation(of_embeddings, targets, notes)
        ids, kept, of_rows = _join(files, ids, of_embeddings, notes, files.embeddings)
        rows, inputs = rows[kept], embeddings.values[of_rows]
    if files.sequences is not None:
        named, found = read_sequences(files.sequences)
        named = by_id(named, known, notes) if known else named
        _check_control(files.targets, found_targets, named)
        if files.embeddings is None:
            check_orientation(named, targets, notes)
        ids, kept, of_rows = _join(files, ids, named, notes, files.sequences)
        rows, inputs, sequences = rows[kept], inputs[kept], found[of_rows]
    targets = _without_metadata(targets, notes)
    columns, gene_inputs = _genes(files, targets, notes, skip_missing=skip_missing)
    notes += about_scales(
        targets.values[np.ix_(rows, columns)], targets.columns[columns], files.targets
    )
    if top_genes is not None:
        columns, gene_inputs = _top(targets, rows, columns, gene_inputs, top_genes)
    groups = None if files.groups is None else _groups(files.groups, ids)
    if min_values is not None:
        of_rows, of_columns = enough(
            targets.values[np.ix_(rows, columns)], min_values, files.targets
        )
        notes += about_left_out(
            of_rows, of_columns, ids.values, targets.columns[columns], min_values
        )
        rows, ids, inputs = rows[of_rows], ids.take(of_rows), inputs[of_rows]
        sequences = None if sequences is None else sequences[of_rows]
        groups = None if groups is None else groups[of_rows]
        columns = columns[of_columns]
        gene_inputs = None if gene_inputs is None else gene_inputs[of_columns]
    values = targets.values[np.ix_(rows, columns)]
    names = targets.columns[columns]
    notes += about_missing(values, files.targets)
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
            names_in(files.responding),
        ),
        halves=None
        if found_targets.halves is None
        else found_targets.halves[:, rows][:, :, columns].astype(np.float32),
        weights=None if found_targets.weights is None else found_targets.weights[rows],
    )
    check_folds(screen, groups, None if folds is None else folds[rows], files.splits)
    return screen


def _check_control(file: Path, targets: Responses, ids: Ids) -> None:
    """Raise where what was named as the control is a perturbation, of which something is known."""
    if targets.control is not None and targets.control in ids.values.tolist():
        raise InputError(
            f"the control {targets.control!r} is also a perturbation",
            file=file,
            where="--control",
            found=f"{targets.control!r} among the {len(ids)} ids of {ids.file.name}",
            expected="the name of cells in which nothing was perturbed",
        )


def _join(
    files: ExpressionFiles, left: Ids, right: Ids, notes: list[str], other: Path
) -> tuple[Ids, np.ndarray, np.ndarray]:
    """As `join`; where nothing matches, which other columns would, and by which option.

    Args:
        other: the file that the right ids stand in, or belong to.
    """
    form = files.form
    option = "--id-column" if form.perturbation is None else "--perturbation-column"
    option = "--row" if form.row is not None else option
    option = f"{option} (without --ids)" if form.ids is not None else option
    maps = [] if form.ids is not None else [p for p in (files.sequences, files.embeddings) if p]
    return join(left, right, notes, lambda: fitting_columns(left, right, option, maps, [other]))


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
