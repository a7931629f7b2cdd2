"""Whether a predicted profile is that of its own perturbation, among those held out with it.

Unlike a correlation, these say nothing of what all perturbations share. They cost a distance from
every prediction to every measured profile of its part, and are taken of finished models alone.
Profiles of other parts have no place among them: the row's model was trained on those.
"""

from __future__ import annotations

from typing import Literal

import numpy as np


def discrimination(
    predicted: np.ndarray,
    targets: np.ndarray,
    parts: np.ndarray,
    ids: np.ndarray,
    columns: np.ndarray,
) -> np.ndarray:
    """(N,) perturbation discrimination score, after the Virtual Cell Challenge (Roohani et al.,
    Cell 188:3370, 2025; `discrimination_score_l1` of cell-eval).

    1 - r / (n - 1), with r of the n - 1 other measured profiles of the part nearer to the
    prediction than its own, by their L1 distance over all genes but the perturbed one; one at the
    same distance counts half. It is 1 at best, 0 at worst and 1/2 for noise, in parts of whatever
    size; NaN where a part has a single row. The challenge's own, d = 1 - r / n, is 1/n at worst and
    (n + 1) / 2n for noise, and breaks ties by order: this is (n d - 1) / (n - 1).

    Args:
        predicted, targets: (N, G), NaN in `targets` is not measured: a distance is then the mean
            over what is. parts: (N,) which rows were held out together. ids: (N,). columns: (G,).
    """
    nearer, _, count = _ranks(predicted, targets, parts, "l1", ids, columns)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(count > 1, 1 - nearer / (count - 1), np.nan)


def centroid_accuracy(predicted: np.ndarray, targets: np.ndarray, parts: np.ndarray) -> np.ndarray:
    """(N,) centroid accuracy (Systema: Vinas Torne et al., Nature Biotechnology 2025).

    The share of the other measured profiles of the part that lie farther from the prediction than
    its own does, by their Euclidean distance; 0.5 for noise. NaN where a part has a single row.
    """
    _, farther, count = _ranks(predicted, targets, parts, "l2")
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(count > 1, farther / (count - 1), np.nan)


def de_overlap(predicted: np.ndarray, responding: np.ndarray) -> np.ndarray:
    """(N,) overlap of differentially expressed genes, at as many as respond (the differential
    expression score of the Virtual Cell Challenge, where a prediction calls as many genes).

    Of the k genes that respond, the share among the k largest predicted changes; where several are
    equally large at the k-th place, its mean over all orders. k / G for noise; NaN where no gene
    responds, or all do.

    Args:
        predicted: (N, G). responding: (N, G) bool.
    """
    found = np.full(len(predicted), np.nan)
    for row, (sizes, true) in enumerate(zip(np.abs(predicted), responding)):
        k = int(true.sum())
        if not 0 < k < len(true) or not np.isfinite(sizes).all():
            continue
        least = np.partition(sizes, -k)[-k]
        above, level = sizes > least, sizes == least
        share = (k - above.sum()) / level.sum()
        found[row] = (true[above].sum() + share * true[level].sum()) / k
    return found


def _ranks(
    predicted: np.ndarray,
    targets: np.ndarray,
    parts: np.ndarray,
    metric: Literal["l1", "l2"],
    ids: np.ndarray | None = None,
    columns: np.ndarray | None = None,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(N,) each: profiles nearer to the prediction than its own, those farther, and all."""
    at = {} if columns is None else {name: i for i, name in enumerate(columns.tolist())}
    nearer, farther, count = np.full((3, len(predicted)), np.nan)
    for part in np.unique(parts):
        rows = np.flatnonzero(parts == part)
        rows = rows[np.isfinite(targets[rows]).any(axis=1)]
        true = targets[rows].astype(np.float64)
        measured = np.isfinite(true)
        for place, row in enumerate(rows):
            differences = np.where(measured, true - predicted[row], 0.0)
            there = measured
            own = at.get(str(ids[row])) if ids is not None else None
            if own is not None:
                differences[:, own] = 0.0
                there = measured.copy()
                there[:, own] = False
            sizes = np.abs(differences) if metric == "l1" else np.square(differences)
            far = sizes.sum(axis=1) / np.maximum(there.sum(axis=1), 1)
            if not np.isfinite(far).all():
                continue
            ties = (far == far[place]).sum() - 1
            count[row] = len(rows)
            nearer[row] = (far < far[place]).sum() + ties / 2
            farther[row] = (far > far[place]).sum() + ties / 2
    return nearer, farther, count
