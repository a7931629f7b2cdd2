"""Responses as a long table: a line for each perturbation and gene, as tests of expression give."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import pandas as pd

from distrib.data.files.ids import as_ids, examples
from distrib.data.files.matrix import Matrix
from distrib.data.files.tables import as_text, read_table, to_numbers
from distrib.data.screens.replicates import Pooled, about_guides, check_weights, pool_entries
from distrib.errors import InputError, nearest

Aggregate = Literal["mean", "se"]

_MAKE_ONE = "--aggregate mean takes their mean, --aggregate se that by --standard-errors"


@dataclass(frozen=True)
class LongForm:
    """Which columns say what.

    Attributes:
        row, column, value: the perturbation, the gene, the number.
        aggregate: what becomes of several values of one cell; None: they are refused.
        weights, standard_errors: columns of numbers beside the value.
    """

    row: str
    column: str
    value: str
    aggregate: Aggregate | None = None
    weights: str | None = None
    standard_errors: str | None = None


def read_long(path: Path, form: LongForm, notes: list[str]) -> tuple[Matrix, Pooled]:
    """The matrix that a long table holds, NaN where it has no line, and what it was made of.

    Raises:
        InputError: a column is not there, a name is missing, a weight cannot be one, or several
            values are of one cell and nothing was said of them: how many.
    """
    frame = read_table(path)
    for name in (form.row, form.column):
        if name not in frame.columns:
            raise InputError(
                f"no column {name!r}",
                file=path,
                found=examples(list(frame.columns)),
                hint=nearest(name, list(frame.columns)),
            )
    values = to_numbers(frame, [form.value], path, missing=True, notes=notes)[:, 0]
    rows, genes = (_names(frame, name, path) for name in (form.row, form.column))
    columns = list(dict.fromkeys(genes.tolist()))
    at = {name: i for i, name in enumerate(columns)}
    of_genes = np.array([at[name] for name in genes.tolist()], dtype=np.int64)
    weights = _weights(frame, form, path, notes)
    if form.aggregate is None:
        _check_single(rows, genes, values, path)
    pooled = pool_entries(rows, of_genes, len(columns), values, weights)
    if pooled.most > 1:
        notes.append(about_guides(pooled, len(frame), _how(form)))
    matrix = Matrix(
        as_ids(pooled.names.tolist(), path), np.array(columns, dtype=str), pooled.values, file=path
    )
    return matrix, pooled


def pool_rows(
    matrix: Matrix,
    names: np.ndarray,
    aggregate: Aggregate,
    weights: np.ndarray | None,
    notes: list[str],
) -> tuple[Matrix, Pooled]:
    """A matrix with a row per guide made one with a row per perturbation, and what it is made of.

    Args:
        names: (rows,) the perturbation of each. weights: (rows,) or (rows, G); None: all alike.
    """
    count, width = matrix.values.shape
    every = np.ones((count, width)) if weights is None else np.broadcast_to(
        weights if weights.ndim == 2 else weights[:, None], (count, width)
    )  # fmt: skip
    pooled = pool_entries(
        np.repeat(names, width),
        np.tile(np.arange(width), count),
        width,
        matrix.values.ravel().astype(np.float64),
        every.ravel().astype(np.float64),
    )
    how = "mean" if weights is None else f"weighed {aggregate}"
    if pooled.most > 1:
        notes.append(about_guides(pooled, count, how))
    ids = as_ids(pooled.names.tolist(), matrix.ids.file)
    return Matrix(ids, matrix.columns, pooled.values, file=matrix.file), pooled


def _how(form: LongForm) -> str:
    if form.aggregate == "se":
        return "mean by standard errors"
    return "mean" if form.weights is None else f"mean weighed by {form.weights}"


def _names(frame: pd.DataFrame, column: str, path: Path) -> np.ndarray:
    texts = np.array([as_text(cell) for cell in frame[column].tolist()], dtype=str)
    if (missing := np.flatnonzero(texts == "")).size:
        raise InputError(
            f"a line without {column}",
            file=path,
            where=f"row {frame.index[missing[0]]}",
            found=f"nothing, in {len(missing)} lines",
        )
    return texts


def _weights(frame: pd.DataFrame, form: LongForm, path: Path, notes: list[str]) -> np.ndarray:
    column, what = form.weights, "weight"
    if form.aggregate == "se":
        if form.standard_errors is None:
            raise InputError(
                "no standard errors to weigh by",
                where="--aggregate se",
                expected="--standard-errors COLUMN, of the same table",
            )
        column, what = form.standard_errors, "standard error"
    if column is None:
        return np.ones(len(frame))
    found = to_numbers(frame, [column], path, missing=True, notes=notes)[:, 0]
    where = [f"row {row}, column {column!r}" for row in frame.index]
    check_weights(found, path, where, what)
    return 1 / found**2 if what == "standard error" else found


def _check_single(rows: np.ndarray, genes: np.ndarray, values: np.ndarray, path: Path) -> None:
    pairs = pd.Series(list(zip(rows.tolist(), genes.tolist())))[np.isfinite(values)]
    twice = pairs[pairs.duplicated(keep=False)]
    if not len(twice):
        return
    first = twice.iloc[0]
    raise InputError(
        f"{twice.nunique()} cells have more than one value, {len(twice)} in all",
        file=path,
        found=f"{first[0]}, {first[1]}: {int((twice == first).sum())} values",
        expected="one value for each perturbation and gene",
        hint=_MAKE_ONE,
    )


def check_single_rows(names: np.ndarray, path: Path) -> None:
    """Raise where a perturbation has several rows of a wide table: what becomes of them, who says?

    Args:
        names: (rows,) what each row's guide perturbs.
    """
    known, counts = np.unique(names, return_counts=True)
    if (counts > 1).any():
        raise InputError(
            f"{(counts > 1).sum()} perturbations have more than one row, "
            f"{counts[counts > 1].sum()} in all",
            file=path,
            found=f"{known[counts > 1][0]}: {counts[counts > 1][0]} rows",
            expected="one row for each perturbation",
            hint=_MAKE_ONE,
        )
