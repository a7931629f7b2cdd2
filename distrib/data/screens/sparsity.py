"""What a screen with many missing values holds, and what is left of it with enough of them."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from distrib.data.files.ids import counted, examples
from distrib.errors import InputError


def about_missing(values: np.ndarray, file: Path) -> list[str]:
    """A line on how much is measured, where something is missing."""
    there = np.isfinite(values)
    missing = int((~there).sum())
    if not missing:
        return []
    rows, genes = there.sum(axis=1), there.sum(axis=0)
    return [
        f"{missing:,} of {counted(values.size, 'value')} of {file.name} "
        f"({missing / values.size:.2%}) {'is' if missing == 1 else 'are'} missing: a "
        f"perturbation has "
        f"{int(np.median(rows)):,} on the median ({rows.min():,} to {rows.max():,} of "
        f"{values.shape[1]:,}), a gene {int(np.median(genes)):,} ({genes.min():,} to "
        f"{genes.max():,} of {len(values):,}); --min-values N leaves out what has fewer"
    ]


def enough(values: np.ndarray, least: int, file: Path) -> tuple[np.ndarray, np.ndarray]:
    """Positions of rows and columns that have `least` values each among those that are kept.

    What one leaves out may leave too few for another: it goes on until all have enough.

    Raises:
        InputError: nothing is left.
    """
    there = np.isfinite(values)
    rows, columns = (np.ones(size, dtype=bool) for size in values.shape)
    while True:
        kept = there & rows[:, None] & columns
        fewer_rows = rows & (kept.sum(axis=1) >= least)
        fewer_columns = columns & ((kept & fewer_rows[:, None]).sum(axis=0) >= least)
        if not fewer_rows.any() or not fewer_columns.any():
            raise InputError(
                "nothing has so many values",
                file=file,
                where="--min-values",
                found=f"{least}; at most {there.sum(axis=1).max()} of a perturbation and "
                f"{there.sum(axis=0).max()} of a gene",
                expected="fewer",
            )
        if (fewer_rows == rows).all() and (fewer_columns == columns).all():
            return np.flatnonzero(rows), np.flatnonzero(columns)
        rows, columns = fewer_rows, fewer_columns


def about_left_out(
    rows: np.ndarray, columns: np.ndarray, ids: np.ndarray, names: np.ndarray, least: int
) -> list[str]:
    """What has too few values, a line each of rows and of columns."""
    lines = []
    for kept, every, what in ((rows, ids, "perturbations"), (columns, names, "genes")):
        if len(kept) < len(every):
            lost = np.delete(every, kept)
            lines.append(
                f"{len(lost):,} of {len(every):,} {what} have fewer than {least} values and were "
                f"left out: {examples(lost)}"
            )
    return lines
