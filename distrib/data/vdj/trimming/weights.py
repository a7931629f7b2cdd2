"""How much each count weighs in a fit: sequences alike, subjects alike, or genes by their share."""

from __future__ import annotations

from typing import Literal

import numpy as np

Weighting = Literal["pooled", "gene_marginal", "subject"]


def weigh(
    counts: np.ndarray, subjects: np.ndarray, choice_sets: np.ndarray, weighting: Weighting
) -> np.ndarray:
    """(entries,) float64 that sum to 1.

    `pooled`: every sequence counts alike. `subject`: every subject counts alike, and within it
    every sequence. `gene_marginal`: within a subject and choice set every sequence counts alike; a
    choice set counts as much as its mean share over the subjects (Russell et al., eLife 2023).

    Args:
        counts: (entries,). subjects: (entries,) integers from 0. choice_sets: (entries,) integers
            from 0, the gene or pair of genes of each.
    """
    if weighting == "pooled":
        return counts / counts.sum()
    of_subject = np.bincount(subjects, counts)
    if weighting == "subject":
        weights = counts / of_subject[subjects]
        return weights / weights.sum()
    num_sets = int(choice_sets.max()) + 1
    cell = subjects.astype(np.int64) * num_sets + choice_sets
    of_cell = np.bincount(cell, counts, len(of_subject) * num_sets)
    seen = of_subject > 0
    shares = of_cell.reshape(-1, num_sets)[seen] / of_subject[seen, None]
    weights = counts / of_cell[cell] * shares.mean(axis=0)[choice_sets]
    return weights / weights.sum()
