"""Cells made profiles of perturbations: what changes against control, and two halves of it.

The mean of the control's cells is taken from every row, and its error with it. A model can learn
that from some rows and predict it for others, so that it stands in both halves as well; how large
it is beside the rows' own error is told.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np

from distrib.data.files.ids import as_ids, counted, examples
from distrib.data.files.matrix import Matrix
from distrib.data.screens.h5ad import AnnDataFile
from distrib.errors import InputError, nearest

SHARED = "delta_pearson, pearson_column and what identifies a row take out what all rows share"

Effect = Literal["difference", "lfc", "pseudobulk"]
PER = 1e4
"""Counts that a pseudobulk is scaled to before its logarithm is taken."""


@dataclass(frozen=True)
class CellForm:
    """How an `.h5ad` is read.

    Attributes:
        perturbation: the column of `obs`. control: its value for cells without one.
        effect: "difference" of means to control; "lfc": log2 of counts per 10,000, plus 1, to
            those of control; "pseudobulk": the mean itself.
        layer: None for `X`.
    """

    perturbation: str
    control: str | None
    effect: Effect = "difference"
    layer: str | None = None


@dataclass(frozen=True)
class Cells:
    """Perturbations out of cells.

    Attributes:
        matrix: a row each. halves: (2, P, G) of every other cell of the perturbation, the control
            whole in both; NaN where there is only one.
        cells: (P,) how many.
    """

    matrix: Matrix
    halves: np.ndarray
    cells: np.ndarray


def read_cells(
    path: Path, form: CellForm, notes: list[str], say: Callable[[int, int], None] | None = None
) -> Cells:
    """The profiles of an `.h5ad`, the control's left out.

    Args:
        notes: gets a line of what was left out, and of how many cells there are.
        say: hears of cells done, of how many.

    Raises:
        InputError: there is no such column or control, or the values do not allow the effect.
    """
    file = AnnDataFile.open(path)
    try:
        labels = file.column(form.perturbation)
        known, codes = np.unique(labels, return_inverse=True)
        _check_control(path, form, known, labels)
        sums = np.zeros((2, len(known), file.genes))
        count = np.zeros((2, len(known)))
        seen = np.zeros(len(known), dtype=np.int64)
        for start, block in file.blocks(form.layer):
            if form.effect == "lfc" and (block < 0).any():
                raise InputError(
                    "a log fold change is of counts, which are not negative",
                    file=path,
                    found=f"{block.min():g}",
                    expected="--layer with counts, or --effect difference",
                )
            own = codes[start : start + len(block)]
            order = np.argsort(own, kind="stable")
            ranked = own[order]
            first = np.searchsorted(ranked, ranked)
            place = np.empty(len(own), dtype=np.int64)
            place[order] = np.arange(len(own)) - first
            half = (place + seen[own]) % 2
            for side in (0, 1):
                members = half == side
                np.add.at(sums[side], own[members], block[members])
                count[side] += np.bincount(own[members], minlength=len(known))
            seen += np.bincount(own, minlength=len(known))
            if say is not None:
                say(start + len(block), file.cells)
        names = file.names("var")
    finally:
        file.close()
    return _profiles(path, form, known, names, sums, count, notes)


def _check_control(path: Path, form: CellForm, known: np.ndarray, labels: np.ndarray) -> None:
    if form.control is None:
        if form.effect == "pseudobulk":
            return
        raise InputError(
            "no control to take differences to",
            file=path,
            where="--control",
            expected=f"one of the values of {form.perturbation!r}: {examples(known)}; or --effect "
            "pseudobulk",
        )
    if form.control not in known:
        raise InputError(
            f"no cell is a control: none has {form.control!r}",
            file=path,
            where=f"column {form.perturbation!r}",
            found=f"{len(known)} values ({examples(known)}) of {len(labels):,} cells",
            expected="the value of control cells, as --control",
            hint=nearest(form.control, known.tolist()),
        )


def _profiles(
    path: Path,
    form: CellForm,
    known: np.ndarray,
    names: np.ndarray,
    sums: np.ndarray,
    count: np.ndarray,
    notes: list[str],
) -> Cells:
    total = count.sum(axis=0).astype(np.int64)
    unnamed = int(total[known == ""].sum())
    if unnamed:
        notes.append(
            f"{unnamed:,} of {total.sum():,} cells of {path.name} have no {form.perturbation} and "
            "were left out"
        )
    wanted = np.flatnonzero((known != "") & (known != (form.control or "")))
    if not len(wanted):
        raise InputError("no perturbation beside the control", file=path, found=examples(known))
    control = np.flatnonzero(known == form.control)

    def profile(total_of: np.ndarray, cells: np.ndarray) -> np.ndarray:
        with np.errstate(invalid="ignore", divide="ignore"):
            if form.effect == "lfc":
                return np.log2(PER * total_of / total_of.sum(axis=1, keepdims=True) + 1)
            return total_of / cells[:, None]

    means = profile(sums.sum(axis=0), total)
    both = np.stack([profile(one, cells) for one, cells in zip(sums, count)])
    level = 0.0 if form.effect == "pseudobulk" else means[control[0]]
    whole, halves = means[wanted] - level, both[:, wanted] - level
    halves[:, ~np.isfinite(halves).all(axis=(0, 2))] = np.nan
    cells = total[wanted]
    notes.append(
        f"{counted(int(cells.sum()), 'cell')} of {counted(len(wanted), 'perturbation')}"
        + (f" and {int(total[control[0]]):,} of {form.control}" if len(control) else "")
        + f": {int(np.median(cells)):,} on the median, {cells.min():,} to {cells.max():,}"
    )
    if form.effect != "pseudobulk":
        notes.append(_about_control(both, count, wanted, int(control[0]), form))
    ids = as_ids(known[wanted].tolist(), path)
    columns = as_ids(names.tolist(), path).values
    return Cells(Matrix(ids, columns, whole.astype(np.float32), file=path), halves, cells)


def _about_control(
    halves: np.ndarray, count: np.ndarray, wanted: np.ndarray, control: int, form: CellForm
) -> str:
    """How large the error is that all rows share, beside the one that each has of its own.

    Args:
        halves: (2, K, G) profiles of every value of the column, by every other cell. count: (2, K)
            cells of either.
    """
    total = count.sum(axis=0)
    told = f"the mean of {counted(int(total[control]), 'cell')} of {form.control}"
    if total[control] < 2:
        return f"{told} was taken from every row, and its error, unknown, with it: {SHARED}"
    with np.errstate(invalid="ignore"):
        # The variance of the mean of n cells, from the difference of the means of n1 and n2.
        squares = np.square(halves[0] - halves[1]) * (count.prod(axis=0) / total**2)[:, None]
    errors = np.sqrt(squares.mean(axis=1))
    own = errors[wanted][np.isfinite(errors[wanted])]
    if not len(own):
        return f"{told} has a standard error of {errors[control]:.3g}; no row has two cells"
    shared, each = float(errors[control]), float(np.median(own))
    alone = shared / np.hypot(shared, each) if shared > 0 else 0.0
    return (
        f"{told} has a standard error of {shared:.3g}, a perturbation's own of {each:.3g} on the "
        f"median. The former is the same in every row: of rows without any effect, who predicts it "
        f"alone has a pearson of about {alone:.2f}; {SHARED}"
    )
