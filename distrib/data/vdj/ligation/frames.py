"""Whether a ligated V and J gene can be translated: their frame, and stop codons in the CDR3.

The CDR3 goes from the conserved cysteine of V to the conserved phenylalanine or tryptophan of J
(IMGT positions 104 and 118), both included.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from distrib.data.vdj.germline.genetic_code import CODON_LETTERS
from distrib.data.vdj.ligation.ligation import encode, with_p
from distrib.data.vdj.trimming.cut_features import P_NUCLEOTIDES

FrameRule = Literal["anchors", "residue"]

_CODE = np.frombuffer(CODON_LETTERS.encode(), np.uint8)  # by 16 x first + 4 x second + third base
_STOP = ord("*")
_AT_ONCE = 1 << 16


@dataclass(frozen=True)
class CodingGenes:
    """Whole genes of one side, with their P-nucleotides.

    Attributes:
        bases: (genes, longest) int8 positions in "ACGT", 0 beyond the end.
        lengths: (genes,) with P-nucleotides. anchors: (genes,) where the conserved codon begins.
    """

    bases: np.ndarray
    lengths: np.ndarray
    anchors: np.ndarray

    @classmethod
    def of(
        cls, sequences: Sequence[str], anchors: Sequence[int], side: Literal["left", "right"]
    ) -> CodingGenes:
        """Args: anchors, of each gene without P-nucleotides, from 0."""
        whole = [encode(with_p(sequence, side)) for sequence in sequences]
        lengths = np.array([len(bases) for bases in whole])
        table = np.zeros((len(whole), lengths.max()), np.int8)
        for row, bases in zip(table, whole):
            row[: len(bases)] = bases
        shift = P_NUCLEOTIDES if side == "right" else 0
        return cls(table, lengths, np.array(anchors) + shift)


def is_productive(
    v: CodingGenes,
    j: CodingGenes,
    v_of: np.ndarray,
    j_of: np.ndarray,
    kept: np.ndarray,
    resumes: np.ndarray,
    rule: FrameRule = "anchors",
) -> np.ndarray:
    """(sequences,) bool: in frame, without a stop codon in the CDR3.

    Args:
        v_of, j_of: (sequences,) genes. kept: bases of V before the joint. resumes: the first base
            of J (P-nucleotides counted) after it.
        rule: what "in frame" means. `anchors`: both conserved codons are in one frame, and that of
            J is there. `residue`: the residue at the place of J's codon, read in V's frame, is the
            one that J has there, as Russell et al. (2025) decide, who so take some joins out of
            frame for in frame by chance.
    """
    result = np.zeros(len(kept), bool)
    for begin in range(0, len(kept), _AT_ONCE):
        part = slice(begin, begin + _AT_ONCE)
        result[part] = _judge(v, j, v_of[part], j_of[part], kept[part], resumes[part], rule)
    return result


def _judge(
    v: CodingGenes,
    j: CodingGenes,
    v_of: np.ndarray,
    j_of: np.ndarray,
    kept: np.ndarray,
    resumes: np.ndarray,
    rule: FrameRule,
) -> np.ndarray:
    first = v.anchors[v_of]
    last = kept + j.anchors[j_of] - resumes  # where J's conserved codon begins, in the sequence
    if rule == "anchors":
        candidates = ((last - first) % 3 == 0) & (resumes <= j.anchors[j_of]) & (last >= first)
    else:
        length = kept + j.lengths[j_of] - resumes
        after = (j.lengths[j_of] - j.anchors[j_of]) // 3 - 1  # whole codons beyond the conserved
        frame = first % 3
        last = frame + 3 * ((length - frame) // 3 - after - 1)
        candidates = last >= first
    rows = np.flatnonzero(candidates)
    result = np.zeros(len(kept), bool)
    if not len(rows):
        return result
    first, last = first[rows], last[rows]
    codons = np.arange((last - first).max() // 3 + 1)
    starts = first[:, None] + 3 * codons  # (rows, codons)
    inside = starts <= last[:, None]
    amino_acids = np.zeros(starts.shape, np.int64)
    for base in range(3):
        at = np.where(inside, starts + base, first[:, None])
        in_j = at - kept[rows, None] + resumes[rows, None]
        from_v = v.bases[v_of[rows, None], np.minimum(at, v.bases.shape[1] - 1)]
        from_j = j.bases[j_of[rows, None], np.clip(in_j, 0, j.bases.shape[1] - 1)]
        amino_acids = 4 * amino_acids + np.where(at < kept[rows, None], from_v, from_j)
    translated = _CODE[amino_acids]
    fine = ~((translated == _STOP) & inside).any(axis=1)
    if rule == "residue":
        own = j.bases[j_of[rows, None], j.anchors[j_of[rows], None] + np.arange(3)]
        conserved = _CODE[own @ np.array([16, 4, 1])]
        found = translated[np.arange(len(rows)), (last - first) // 3]
        fine &= found == conserved
    result[rows] = fine
    return result
