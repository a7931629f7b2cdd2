"""Two chains aligned from end to end by BLOSUM62, as Biopython does it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np

MATRIX = "BLOSUM62"
GAP_OPEN, GAP_EXTEND = 10.0, 4.0
"""What the first residue of a gap costs, and each further one, at the ends too."""


@dataclass(frozen=True)
class Compared:
    """How like two chains are.

    Attributes:
        score: of the best global alignment. similarity: the share of the longer chain's residues
            that stand beside an equal one there. unaligned: the same without any gap, residue
            beside residue from the first on.
    """

    score: float
    similarity: float
    unaligned: float


def compare(a: str, b: str) -> Compared:
    """Two chains of amino acids; one may be empty."""
    longest = max(len(a), len(b))
    if not a or not b:
        cost = GAP_OPEN + GAP_EXTEND * (longest - 1) if longest else 0.0
        return Compared(-cost, 0.0, 0.0)
    best = _aligner().align(a, b)[0]
    equal = sum(
        x == y for (i, k), (j, _) in zip(*best.aligned) for x, y in zip(a[i:k], b[j : j + k - i])
    )
    beside = sum(x == y for x, y in zip(a, b))
    return Compared(float(best.score), equal / longest, beside / longest)


def compare_all(some: Sequence[str], others: Sequence[str]) -> dict[str, np.ndarray]:
    """(rows,) of each figure, pair by pair: `blosum`, `similarity` and `unaligned_similarity`."""
    found = [compare(a, b) for a, b in zip(some, others, strict=True)]
    return {
        "blosum": np.array([c.score for c in found]),
        "similarity": np.array([c.similarity for c in found]),
        "unaligned_similarity": np.array([c.unaligned for c in found]),
    }


@cache
def _aligner() -> Any:
    from Bio.Align import PairwiseAligner, substitution_matrices

    return PairwiseAligner(
        mode="global",
        substitution_matrix=substitution_matrices.load(MATRIX),
        open_gap_score=-GAP_OPEN,
        extend_gap_score=-GAP_EXTEND,
    )
