"""Alignments by BLOSUM62: against Biopython's own score, and against the recursion in float64."""

from __future__ import annotations

import numpy as np
import pytest

Align = pytest.importorskip("Bio.Align")

from distrib.data.antibodies.alignment import GAP_EXTEND, GAP_OPEN, compare, compare_all  # noqa: E402
from distrib.data.antibodies.simulate import simulate_chains  # noqa: E402

KAPPA = simulate_chains(4, "IGK", seed=1).sequences
LAMBDA = simulate_chains(4, "IGL", seed=1).sequences
PAIRS = [(KAPPA[0], KAPPA[1]), (KAPPA[2], LAMBDA[0]), (LAMBDA[1], LAMBDA[2][:80]),
         ("ACDEFGHIKL", "ACDFGHIKLWW"), ("W", "WXW"), ("QVQL", "EVQL")]  # fmt: skip


def recursion(a: str, b: str) -> float:
    """The best global score with affine gaps (Gotoh 1982)."""
    matrix = Align.substitution_matrices.load("BLOSUM62")
    n, m = len(a), len(b)
    best, right, down = (np.full((n + 1, m + 1), -np.inf) for _ in range(3))
    best[0, 0] = 0
    for i in range(n + 1):
        for j in range(m + 1):
            if i:
                down[i, j] = max(best[i - 1, j] - GAP_OPEN, down[i - 1, j] - GAP_EXTEND)
            if j:
                right[i, j] = max(best[i, j - 1] - GAP_OPEN, right[i, j - 1] - GAP_EXTEND)
            diagonal = best[i - 1, j - 1] + matrix[a[i - 1], b[j - 1]] if i and j else -np.inf
            best[i, j] = max(best[i, j], diagonal, down[i, j], right[i, j])
    return float(best[n, m])


@pytest.mark.parametrize(("a", "b"), PAIRS)
def test_scores_are_biopythons_and_the_recursions(a: str, b: str) -> None:
    aligner = Align.PairwiseAligner()
    aligner.substitution_matrix = Align.substitution_matrices.load("BLOSUM62")
    aligner.open_gap_score, aligner.extend_gap_score = -10, -4
    found = compare(a, b)
    assert found.score == aligner.score(a, b) == recursion(a, b)
    equal = aligner.align(a, b)[0].counts().identities
    assert found.similarity == equal / max(len(a), len(b))


def test_known_figures() -> None:
    """Equal chains; one residue more in front, which shifts every other; nothing at all."""
    assert compare("ACDEF", "ACDEF") == compare("ACDEF", "ACDEF")
    assert (compare("ACDEF", "ACDEF").similarity, compare("ACDEF", "ACDEF").score) == (1.0, 30.0)
    shifted = compare("WACDEFGHIKL", "ACDEFGHIKL")
    assert shifted.similarity == 10 / 11
    assert shifted.unaligned == 0.0
    assert compare("", "ACD").score == -(GAP_OPEN + 2 * GAP_EXTEND)
    assert compare("", "").score == 0.0
    found = compare_all(["ACD", "WWW"], ["ACD", "ACD"])
    assert found["similarity"].tolist() == [1.0, 0.0]
    assert found["unaligned_similarity"].tolist() == [1.0, 0.0]
