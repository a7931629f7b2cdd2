"""What is looked at in a screen that was read: orientation, targets, folds, equal rows."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

import numpy as np

from distrib.data.files.ids import Ids, examples
from distrib.data.files.matrix import Matrix
from distrib.data.screens.screen import Screen
from distrib.data.splits import check_disjoint
from distrib.errors import InputError

MANY_TIMES = 100.0
"""How much larger than the median column one is before it is told."""

_NAMED = 5

# What pandas, AnnData, scanpy, Seurat, DESeq2, edgeR and limma call what they know of cells and
# tests.
_METADATA = re.compile(
    r"n_?cells?|num_?cells|cell_?counts?|n_?(genes|counts|umis?)(_by_counts)?|n(Count|Feature)_\w+"
    r"|(log1p_)?(total_counts|n_genes_by_counts)(_\w+)?|(log1p_)?pct_counts_\w+|percent[._]mt"
    r"|pct_mt|umi_?counts?|library_?size|size_?factors?|base_?mean|lfc_?se|log2_?fold_?change|log_?fc"
    r"|p_?val(ue)?s?(_adj)?|p_?adj|q_?val(ue)?s?|fdr|adj\.?_?p\.?_?val(ue)?|t_?stat(istic)?|z_?score"
    r"|(predicted_)?doublets?(_scores?)?|batch|replicate|n_guides|guide_?counts?|Unnamed: ?\d+"
    r"|(S|G2M)[._]score|phase|umis?|dose|concentration|moi|leiden\w*|louvain\w*|(seurat_)?clusters?"
    r"|(pct|percent|frac|fraction)_?(mt|mito|ribo)|(mt|mito|ribo)_?(pct|percent|frac|fraction)"
    r"|orig\.ident|(PC|UMAP|t-?SNE)_\d+|cell_?type|condition|treatment|donor|sample(_id)?",
    re.IGNORECASE,
)

MOST = 0.9
"""Part of the columns that must be ids of rows before a table is held to lie on its side."""


def check_orientation(rows: Ids, targets: Matrix, notes: list[str]) -> None:
    """A table with the ids along its top would otherwise only say that few ids match, or none.

    Where perturbed genes are read out as well, both ways match some: then the better match tells.
    """
    wanted = set(rows.values.tolist())
    across = [name for name in targets.columns.tolist() if name in wanted]
    down = sum(name in wanted for name in targets.ids.values.tolist())
    if len(across) < MOST * len(targets.columns) or down == len(targets.ids):
        return
    if down >= MOST * len(targets.ids):
        notes.append(
            f"{len(across)} of {len(targets.columns)} columns of {targets.ids.file.name} are ids "
            f"in {rows.file.name}, and {down} of its {len(targets.ids)} rows: if it lies the other "
            "way round, transpose it (in pandas: table.T)"
        )
        return
    raise InputError(
        f"the targets are transposed: their columns are the ids of {rows.file.name}",
        file=targets.ids.file,
        found=f"{len(across)} of {len(targets.columns)} columns are ids there "
        f"({examples(across)}), and {down} of {len(targets.ids)} rows "
        f"({examples(targets.ids.values)})",
        expected="a row for each id and a column for each target",
        hint="transpose the table (in pandas: table.T); if it lies as it should, leave out the "
        "rows that nothing is known of",
    )


def about_targets(values: np.ndarray, columns: np.ndarray, file: Path) -> list[str]:
    there = ~np.isnan(values)
    if not there.any():
        raise InputError("no target is measured in any of the joined rows", file=file)
    notes = []
    if empty := int((~there.any(axis=1)).sum()):
        have = "has" if empty == 1 else "have"
        notes.append(f"{empty} of {len(values)} rows of {file.name} {have} no target measured")
    low = np.where(there, values, np.inf).min(axis=0)
    high = np.where(there, values, -np.inf).max(axis=0)
    count = there.sum(axis=0)
    for which, one, several in (
        (count == 0, "has no value measured", "have no value measured"),
        (
            count == 1,
            "is measured once, where no model can be told from another",
            "are measured once, where no model can be told from another",
        ),
        (
            (count > 1) & (low == high),
            "is constant: no model can be told from the mean there",
            "are constant: no model can be told from the mean there",
        ),
    ):
        if number := int(which.sum()):
            what = one if number == 1 else several
            notes.append(f"{number} of {len(columns)} targets {what}: {examples(columns[which])}")
    return notes


def metadata_columns(columns: np.ndarray) -> np.ndarray:
    """(columns,) bool, which are called as the tables of other programs call what is no gene."""
    return np.array([_METADATA.fullmatch(name) is not None for name in columns.tolist()], bool)


def about_scales(values: np.ndarray, columns: np.ndarray, file: Path) -> list[str]:
    """Notes on columns with numbers hundreds of times those of the others: they decide means."""
    there = np.isfinite(values)
    if len(columns) < 3:
        return []  # which of two is out of scale, nobody knows
    sizes = np.sqrt(
        (np.where(there, values.astype(float), 0) ** 2).sum(axis=0)
        / np.maximum(there.sum(axis=0), 1)
    )
    usual = float(np.median(sizes[sizes > 0])) if (sizes > 0).any() else 0.0
    notes = []
    for i in np.flatnonzero(sizes > MANY_TIMES * usual)[:_NAMED] if usual else []:
        own = values[there[:, i], i]
        whole = "whole numbers" if (own == np.round(own)).all() else "numbers"
        notes.append(
            f"{columns[i]} of {file.name} is {sizes[i] / usual:,.0f} times as large as the other "
            f"targets ({whole} from {own.min():g} to {own.max():g}): it decides RMSE, MSE and L2; "
            "leave it out unless it is one of them"
        )
    return notes


def require_variety(targets: np.ndarray, file: Path | None = None) -> None:
    """Raise where no target differs from one row to another."""
    there = np.isfinite(targets)
    low = np.where(there, targets, np.inf).min(axis=0)
    high = np.where(there, targets, -np.inf).max(axis=0)
    if not (high > low).any():
        raise InputError(
            "every target is constant: there is nothing to predict",
            file=file,
            found=f"{targets.shape[1]} targets in {len(targets)} rows",
        )


def check_folds(
    screen: Screen, groups: np.ndarray | None, folds: np.ndarray | None, file: Path | None
) -> None:
    """Raise where there is one fold only, or rows of one group lie in two of them.

    Args:
        groups, folds: (rows,) how the screen's groups and folds are called. file: that says so.
    """
    if screen.folds is None or folds is None:
        return
    if screen.folds.max() == 0:
        raise InputError("all rows lie in one fold", file=file, found=f"fold {folds[0]}")
    names = screen.ids if groups is None else groups
    check_disjoint(screen.groups, screen.folds, group_names=names, fold_names=folds, file=file)


def about_twins(screen: Screen) -> list[str]:
    """Rows with equal inputs but of different groups may be parted between training and test."""
    first: dict[bytes, int] = {}
    twins = 0
    known = [part for part in (screen.inputs, screen.sequences) if part is not None and part.size]
    for row, group in enumerate(screen.groups.tolist()):
        digest = hashlib.blake2b(digest_size=16)
        for part in known:
            digest.update(part[row].tobytes() if part.ndim > 1 else part[row])
        twins += first.setdefault(digest.digest(), group) != group
    if not twins:
        return []
    have = "row has" if twins == 1 else "rows have"
    return [
        f"{twins} {have} the inputs of another row in another group: training and test may share "
        "them; name groups to keep them together"
    ]
