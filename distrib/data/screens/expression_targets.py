"""The responses of a screen in whatever form a lab has them: wide, long, a row per guide, cells."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from distrib.data.files.ids import examples
from distrib.data.files.matrix import Matrix
from distrib.data.files.matrix_files import read_matrix
from distrib.data.files.tables import read_parquet, read_rows, read_table, to_numbers
from distrib.data.files.text import suffix
from distrib.data.screens.id_map import by_id, read_map, refuse_words, with_column
from distrib.data.screens.long_table import (
    Aggregate,
    LongForm,
    check_single_rows,
    pool_rows,
    read_long,
)
from distrib.data.screens.pseudobulk import CellForm, Effect, read_cells
from distrib.data.screens.replicates import check_weights, row_weights
from distrib.errors import InputError, nearest

NAMES = ("gene_name", "gene_symbol", "symbol", "gene")
"""Columns of a table of targets that name its rows for people."""


@dataclass(frozen=True)
class TargetForm:
    """How a file of targets is read.

    Attributes:
        row, column, value: of a long table, all three.
        perturbation: column of an `.h5ad`'s cells, or of a table with a row per guide.
        control: of an `.h5ad` the cells that others are compared to, of a table a row to leave out.
        effect, layer: of an `.h5ad`, see `CellForm`.
        aggregate: what becomes of several values of one perturbation and gene, rows of guides or
            lines of a long table: their mean, or that of least variance by standard errors. None:
            they are refused.
        weights: a column of numbers by which they are weighed.
        standard_errors: of a long table a column; of a wide one a file in its form.
        keep_weights: keep what each perturbation's values rest upon, by weights, standard errors or
            the number of measurements; the number of cells is always kept.
        ids: a table of names and ids. id_column: its column of names; without `ids`, the targets'
            column of ids.
    """

    row: str | None = None
    column: str | None = None
    value: str | None = None
    perturbation: str | None = None
    control: str | None = None
    effect: Effect = "difference"
    layer: str | None = None
    aggregate: Aggregate | None = None
    weights: str | None = None
    standard_errors: str | None = None
    keep_weights: bool = False
    ids: Path | None = None
    id_column: str | None = None


@dataclass(frozen=True)
class Responses:
    """The targets as a matrix, and what is known beside them.

    Attributes:
        halves: (2, rows, columns) by two halves of the replicates.
        weights: (rows,) float64, what a row rests upon, such as its number of cells.
        known: name -> id, to make names of other files ids by. control: its name.
    """

    matrix: Matrix
    halves: np.ndarray | None
    weights: np.ndarray | None
    known: dict[str, str]
    control: str | None


def read_targets(
    path: Path,
    form: TargetForm,
    notes: list[str],
    say: Callable[[int, int], None] | None = None,
) -> Responses:
    """The responses of a file; `notes` gets a line for what was understood or left out.

    Raises:
        InputError: options that belong to another form, or a file that is not as they say.
    """
    _check_form(path, form)
    known = {} if form.ids is None else read_map(form.ids, form.id_column)
    halves, weights = None, None
    if suffix(path) == ".h5ad":
        assert form.perturbation is not None
        read = read_cells(
            path, CellForm(form.perturbation, form.control, form.effect, form.layer), notes, say
        )
        matrix, halves = read.matrix, read.halves
        weights = read.cells.astype(np.float64)
    elif form.row is not None:
        assert form.column is not None and form.value is not None
        long = LongForm(
            form.row, form.column, form.value, form.aggregate, form.weights, form.standard_errors
        )
        matrix, pooled = read_long(path, long, notes)
        halves, weights = pooled.halves, pooled.weights
    else:
        matrix, halves, weights = _wide(path, form, notes)
    if not form.keep_weights and suffix(path) != ".h5ad":
        weights = None
    if form.control is not None and suffix(path) != ".h5ad":
        names = matrix.ids.values.tolist()
        if form.control not in names:
            raise InputError(
                "no row is the control",
                file=path,
                where="--control",
                found=f"{len(names)} names of rows: {examples(names)}",
                expected=f"{form.control!r} among them, or no --control",
                hint=nearest(form.control, names),
            )
        keep = np.flatnonzero(matrix.ids.values != form.control)
        matrix = Matrix(matrix.ids.take(keep), matrix.columns, matrix.values[keep], file=path)
        halves = None if halves is None else halves[:, keep]
        weights = None if weights is None else weights[keep]
        notes.append(
            f"the row of the control {form.control} was left out, {len(keep)} perturbations are "
            "left; nothing is subtracted: the values of a table are changes already"
        )
    if form.keep_weights and weights is not None:
        notes.append(
            f"a weight of each perturbation is kept, {weights.min():.3g} to {weights.max():.3g}: "
            "row_weights: given trains by it"
        )
    if known:
        ids = by_id(matrix.ids, known, notes)
        columns = [known.get(name, name) for name in matrix.columns.tolist()]
        if len(set(columns)) == len(columns) and ids is not matrix.ids:
            matrix = Matrix(ids, np.array(columns), matrix.values, matrix.labels, matrix.file)
        else:
            matrix = Matrix(ids, matrix.columns, matrix.values, matrix.labels, matrix.file)
    return Responses(matrix, halves, weights, known, form.control)


def names_in(path: Path) -> list[str]:
    """The columns of a table that name its rows for people."""
    return [name for name in _header(path) if name.lower() in NAMES and name.lower() != "gene_id"]


def _header(path: Path) -> list[str]:
    if suffix(path) == ".parquet":
        return list(read_parquet(path).column_names)
    return next(read_rows(path))[1]


def _wide(
    path: Path, form: TargetForm, notes: list[str]
) -> tuple[Matrix, np.ndarray | None, np.ndarray | None]:
    """The matrix, halves and weights of `Responses`."""
    header = _header(path)
    labels = names_in(path)
    more = [n for n in (form.perturbation, form.weights) if n is not None]
    own = form.id_column if form.ids is None else None
    if form.ids is not None and form.id_column in header:
        own = form.id_column
    for name in [*more, *([own] if own else [])]:
        if name not in header:
            raise InputError(
                f"no column {name!r}",
                file=path,
                found=examples(header),
                hint=nearest(name, header),
            )
    labels = list(dict.fromkeys([*labels, *(n for n in (*more, own) if n)]))
    id_name = next((n for n in header if n.lower() in ("id", "gene_id")), header[0])
    labels = [name for name in labels if name != id_name]
    numbers = [name for name in header if name not in {*labels, id_name, own}]
    refuse_words(path, numbers, form.ids is not None)
    if own is not None and own != id_name:
        labels.append(id_name) if id_name.lower() in ("id", "gene_id") else None
    if own is None and form.perturbation is None:
        matrix = read_matrix(path, labels=labels, notes=notes)
        return matrix, None, _kept_weights(path, form, matrix, notes)
    frame = read_table(path)
    ids = with_column(path, own) if own is not None else None
    numbers = [name for name in header if name not in {*labels, id_name, own}]
    values = to_numbers(frame, numbers, path, missing=True, notes=notes).astype(np.float32)
    if form.perturbation is None:
        assert ids is not None
        matrix = Matrix(ids, np.array(numbers), values, file=path)
        return matrix, None, _kept_weights(path, form, matrix, notes)
    guides = Matrix(
        ids if ids is not None else with_column(path, id_name), np.array(numbers), values, file=path
    )
    names = np.array([str(cell).strip() for cell in frame[form.perturbation].tolist()], dtype=str)
    weights = _value_weights(path, form, guides, notes)
    if form.aggregate is None:
        check_single_rows(names, path)
    matrix, pooled = pool_rows(guides, names, form.aggregate or "mean", weights, notes)
    return matrix, pooled.halves, pooled.weights


def _kept_weights(
    path: Path, form: TargetForm, matrix: Matrix, notes: list[str]
) -> np.ndarray | None:
    """(rows,) of a table whose rows are perturbations already; None where nobody asks for them."""
    weights = _value_weights(path, form, matrix, notes) if form.keep_weights else None
    if weights is None:
        return None
    every = np.broadcast_to(weights if weights.ndim == 2 else weights[:, None], matrix.values.shape)
    return row_weights(every, np.isfinite(matrix.values) & (every > 0))


def _value_weights(
    path: Path, form: TargetForm, guides: Matrix, notes: list[str]
) -> np.ndarray | None:
    """(rows,) or (rows, G) weights of the values of a wide table; None: all alike."""
    if form.aggregate == "se":
        if form.standard_errors is None:
            raise InputError(
                "no standard errors to weigh by",
                where="--aggregate se",
                expected="--standard-errors FILE, in the form of the targets",
            )
        errors = read_matrix(Path(form.standard_errors), labels=[], notes=notes)
        same = errors.ids.values.tolist() == guides.ids.values.tolist()
        if not same or errors.columns.tolist() != guides.columns.tolist():
            raise InputError(
                "standard errors that are not of these targets",
                file=form.standard_errors,
                found=f"{len(errors.ids)} rows, {len(errors.columns)} columns",
                expected=f"the rows and columns of {path.name}, in their order",
            )
        there = np.isfinite(guides.values)
        places = [guides.ids.place(int(row)) for row in np.nonzero(there)[0]]
        check_weights(errors.values[there], form.standard_errors, places, "standard error")
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.where(there, 1.0 / errors.values.astype(np.float64) ** 2, 0.0)
    if form.weights is None:
        return None
    weights = to_numbers(read_table(path), [form.weights], path, missing=True)[:, 0]
    places = [guides.ids.place(row) for row in range(len(weights))]
    check_weights(weights, path, places, "weight")
    return weights


def _check_form(path: Path, form: TargetForm) -> None:
    h5ad = suffix(path) == ".h5ad"
    long = {"--row": form.row, "--column": form.column, "--value": form.value}
    given = [name for name, value in long.items() if value is not None]
    if h5ad and given:
        raise InputError("an .h5ad is no long table", file=path, where=given[0])
    if given and len(given) < 3:
        raise InputError(
            "a long table has three columns to name",
            file=path,
            found=", ".join(given),
            expected="--row, --column and --value",
        )
    if h5ad and form.perturbation is None:
        raise InputError(
            "which column of the cells says what was perturbed?",
            file=path,
            where="--perturbation-column",
            expected="a column of obs, such as `gene` or `perturbation`",
        )
    if not h5ad and (form.layer is not None or form.effect != "difference"):
        where = "--layer" if form.layer else "--effect"
        raise InputError(
            "only cells have layers and effects to choose", file=path, where=where, expected=".h5ad"
        )
    if given and form.perturbation is not None:
        raise InputError(
            "a long table names its perturbations by --row",
            file=path,
            where="--perturbation-column",
        )
    alone = not h5ad and form.perturbation is None and not given
    if alone and form.weights is not None and not form.keep_weights:
        raise InputError(
            "weights are of rows that are made one: guides, or lines of a long table",
            file=path,
            where="--weights",
            expected="--perturbation-column, or --row, --column and --value; or --keep-weights, "
            "to train by them",
        )
    if alone and form.keep_weights and form.weights is None and form.aggregate != "se":
        raise InputError(
            "nothing says what a perturbation rests upon",
            file=path,
            where="--keep-weights",
            expected="--weights COLUMN, or --aggregate se and --standard-errors FILE",
        )
    if h5ad and (form.weights or form.standard_errors or form.aggregate):
        raise InputError("cells are counted, not weighed", file=path,
                         where="--weights, --standard-errors, --aggregate")  # fmt: skip
    if form.id_column is not None and form.ids is None and (h5ad or given):
        raise InputError(
            "a long table names its perturbations by --row"
            if given
            else "cells name what was perturbed by --perturbation-column",
            file=path,
            where="--id-column",
            found=form.id_column,
            expected="--id-column of a table with a row per perturbation, or with --ids",
        )
