"""Sequence features of a trimming choice: the motif around the cut, bases on both sides, length.

Definitions of Russell et al. (eLife 2023; Nucleic Acids Research 2025). With s the gene on the
strand being trimmed, n its length and f = s followed by two P-nucleotides (the first two bases of
its reverse complement), trimming t nucleotides keeps f[:n-t] and loses f[n-t:]. Features depend on
(gene, trim) alone.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np

from distrib.data.vdj.trimming.trimming import BASES, KEPT_BASES

FeatureSet = Literal[
    "null",
    "length",
    "motif",
    "two-side-base-count",
    "motif_length",
    "motif_two-side-base-count-beyond",
]
FEATURE_SETS: tuple[str, ...] = get_args(FeatureSet)

P_NUCLEOTIDES = 2
_HAIRPIN = 2  # the last germline bases, single-stranded in the opened hairpin: never counted
_ABSENT = 4  # a position beyond the P-nucleotides
# Sum (deviation) coding of A, C, G, T and of an absent base; T is minus the sum of the others.
# What a feature set's name says of the sides that are counted.
_COUNTS = {
    "two-side": (("5end", "GC"), ("3end", "AT"), ("3end", "GC")),
    "left": (("5end", "GC"),),
    "right": (("3end", "AT"), ("3end", "GC")),
}
_SUM_CODING = np.array([[1, 0, 0], [0, 1, 0], [0, 0, 1], [-1, -1, -1], [0, 0, 0]], float)


@dataclass(frozen=True)
class Feature:
    """One column: what it is in the coefficient tables of the original.

    Attributes:
        coefficient: "motif", "base_count" or "length".
        side: "5end" (kept) or "3end" (lost) of the cut, or empty.
        position: of a motif base, counted away from the cut from 1; 0 where it has none.
        base: "A", "C" or "G" of a motif, "AT" or "GC" of a count, or empty.
    """

    coefficient: str
    side: str = ""
    position: int = 0
    base: str = ""

    @property
    def name(self) -> str:
        """Such as `motif_5end_pos1_A`, `base_count_3end_GC` or `length`."""
        position = f"pos{self.position}" if self.position else ""
        parts = (self.coefficient, self.side, position, self.base)
        return "_".join(part for part in parts if part)


def list_features(feature_set: str, motif_left: int, motif_right: int) -> list[Feature]:
    """The columns of a feature set, in order: length, base counts, motif.

    A set is named by what it holds, joined by `_`: `motif`, `length`, and `two-side-base-count`,
    `left-...` (kept bases alone) or `right-...` (lost ones), with `-beyond` where the bases of the
    motif are not counted again.

    The 5' count has a fixed number of bases, so that its AT is left out (it would be redundant).
    """
    columns = []
    if "length" in feature_set:
        columns.append(Feature("length"))
    columns += [Feature("base_count", side, base=base) for side, base in _counts(feature_set)]
    if feature_set.startswith("motif"):
        for side, size in (("5end", motif_left), ("3end", motif_right)):
            for position in range(1, size + 1):
                columns += [Feature("motif", side, position, base) for base in "ACG"]
    return columns


def build_features(
    ends: np.ndarray,
    trims: np.ndarray,
    feature_set: str,
    motif_left: int,
    motif_right: int,
) -> np.ndarray:
    """(genes, trims, features) float64, columns as in `list_features`.

    Args:
        ends: (genes, bases) int8 as in `TrimmingData`, at least max(trims) + 10 bases; 4 where a
            gene has none.
        trims: (trims,) integers, at least -2.
        motif_left: bases of the motif on the kept side, at most 10. motif_right: on the lost side.
    """
    p_nucleotides = 3 - ends[:, : -P_NUCLEOTIDES - 1 : -1]
    f = np.concatenate([ends, p_nucleotides], axis=1)
    cut = ends.shape[1] - trims  # (trims,) the first lost position in f
    blocks = []
    if "length" in feature_set:
        blocks.append(np.broadcast_to(trims[None, :, None], (len(ends), len(trims), 1)))
    inner, outer = (motif_left, motif_right) if "beyond" in feature_set else (0, 0)
    windows = {
        "5end": (cut - KEPT_BASES, cut - inner),
        "3end": (cut + outer, np.full_like(cut, ends.shape[1] - _HAIRPIN)),
    }
    for side, bases in _counts(feature_set):
        blocks.append(_count(f, *windows[side], bases)[..., None])
    if feature_set.startswith("motif"):
        positions = [cut - i for i in range(1, motif_left + 1)]
        positions += [cut + j for j in range(motif_right)]
        blocks += [_SUM_CODING[_bases_at(f, position)] for position in positions]
    empty = np.zeros((len(ends), len(trims), 0))
    return np.concatenate([empty, *blocks], axis=2, dtype=float)


def _counts(feature_set: str) -> tuple[tuple[str, str], ...]:
    """Side and bases of each count in a feature set."""
    named = [name for name in _COUNTS if f"{name}-base-count" in feature_set]
    return _COUNTS[named[0]] if named else ()


def _bases_at(f: np.ndarray, position: np.ndarray) -> np.ndarray:
    """(genes, trims) the base codes at these positions, one per trim."""
    inside = position < f.shape[1]
    return np.where(inside, f[:, np.where(inside, position, 0)], _ABSENT)


def _count(f: np.ndarray, begin: np.ndarray, end: np.ndarray, bases: str) -> np.ndarray:
    """(genes, trims) how many of `bases` f[begin:end] holds; none where it is empty."""
    hits = np.isin(f, [BASES.index(base) for base in bases])
    sums = np.concatenate([np.zeros((len(f), 1)), np.cumsum(hits, axis=1)], axis=1)
    return sums[:, end] - sums[:, np.minimum(begin, end)]
