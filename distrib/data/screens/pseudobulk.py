"""Cells made profiles of perturbations: what changes against control, and two halves of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np

from distrib.data.files.ids import as_ids, examples
from distrib.data.files.matrix import Matrix
from distrib.data.screens.h5ad import AnnDataFile
from distrib.errors import InputError, nearest

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
        matrix: a row each. halves: (2, P, G) of every other cell; NaN where there is only one.
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

    def effect(total_of: np.ndarray, cells: np.ndarray) -> np.ndarray:
        with np.errstate(invalid="ignore", divide="ignore"):
            if form.effect == "lfc":
                made = np.log2(PER * total_of / total_of.sum(axis=1, keepdims=True) + 1)
            else:
                made = total_of / cells[:, None]
        return made[wanted] - (made[control[0]] if form.effect != "pseudobulk" else 0.0)

    whole = effect(sums.sum(axis=0), total)
    halves = np.stack([effect(one, cells) for one, cells in zip(sums, count)])
    halves[:, ~np.isfinite(halves).all(axis=(0, 2))] = np.nan
    cells = total[wanted]
    notes.append(
        f"{cells.sum():,} cells of {len(wanted):,} perturbations"
        + (f" and {int(total[control[0]]):,} of {form.control}" if len(control) else "")
        + f": {int(np.median(cells)):,} on the median, {cells.min():,} to {cells.max():,}"
    )
    ids = as_ids(known[wanted].tolist(), path)
    columns = as_ids(names.tolist(), path).values
    return Cells(Matrix(ids, columns, whole.astype(np.float32), file=path), halves, cells)
