"""How often each residue is, and how far two such compositions lie apart."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from distrib.data.antibodies.alphabet import LETTERS


def shares(chains: Sequence[str]) -> np.ndarray:
    """(20,) how often each residue is."""
    counts = np.array([sum(chain.count(letter) for chain in chains) for letter in LETTERS], float)
    return counts / max(counts.sum(), 1)


def divergence(p: np.ndarray, q: np.ndarray) -> float:
    """Jensen-Shannon divergence in bits."""
    middle = (p + q) / 2

    def against(x: np.ndarray) -> float:
        known = x > 0
        return float((x[known] * np.log2(x[known] / middle[known])).sum())

    return (against(p) + against(q)) / 2
