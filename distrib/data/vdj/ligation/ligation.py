"""How two trimmed gene ends can be ligated: every option, and which of them give one sequence.

The left gene ends at its 3' end, the right one begins at its 5' end, each with two P-nucleotides
(the first two bases of the reverse complement). Trimming keeps the left gene up to a cut and the
right one from a cut on; both are ligated with m bases of microhomology, which are the last m of the
one and the first m of the other and stand in the sequence once (Russell et al., Nucleic Acids
Research 2025). m = 0 is always possible.

Everything follows from the matches between the two genes, counted along diagonals.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from distrib.data.vdj.germline.olga import reverse_complement
from distrib.data.vdj.trimming.cut_features import P_NUCLEOTIDES
from distrib.data.vdj.trimming.trimming import BASES

MOST_MH = 15  # of the bases that a ligation may share
MOST_OVERLAP = 4  # of the overlaps whose complementarity is counted (see `microhomology`)
PAIRS_AT_ONCE = 256

_LEFT_PAD, _RIGHT_PAD = -1, -2  # match nothing, not even each other
_STRIDE, _KEYS = 1 << 12, 1 << 25  # a key is diagonal x stride + mismatches before, below _KEYS


def window_size(longest_trim: int) -> int:
    """Bases of each gene that ligation and overlaps can reach, its P-nucleotides included."""
    reach = longest_trim + P_NUCLEOTIDES
    return reach + max(MOST_MH, reach + MOST_OVERLAP)


def left_windows(sequences: Sequence[str], longest_trim: int) -> np.ndarray:
    """(genes, window) int8: the last bases of each gene and its P-nucleotides, as in "ACGT".

    Args:
        sequences: whole genes on their coding strand, trimmed at their right end.
    """
    size = window_size(longest_trim)
    windows = np.full((len(sequences), size), _LEFT_PAD, np.int8)
    for window, sequence in zip(windows, sequences):
        bases = encode(with_p(sequence, "left")[-size:])
        window[size - len(bases) :] = bases
    return windows


def right_windows(sequences: Sequence[str], longest_trim: int) -> np.ndarray:
    """(genes, window) int8: the P-nucleotides of each gene and its first bases, as in "ACGT".

    Args:
        sequences: whole genes on their coding strand, trimmed at their left end.
    """
    size = window_size(longest_trim)
    windows = np.full((len(sequences), size), _RIGHT_PAD, np.int8)
    for window, sequence in zip(windows, sequences):
        bases = encode(with_p(sequence, "right")[:size])
        window[: len(bases)] = bases
    return windows


def with_p(sequence: str, side: Literal["left", "right"]) -> str:
    """A gene, left or right of the joint, with the P-nucleotides of its end there."""
    palindrome = reverse_complement(sequence)
    if side == "left":
        return sequence + palindrome[:P_NUCLEOTIDES]
    return palindrome[-P_NUCLEOTIDES:] + sequence


def encode(sequence: str) -> np.ndarray:
    """(bases,) int8, positions in "ACGT"."""
    return np.array([BASES.index(base) for base in sequence], np.int8)


@dataclass(frozen=True)
class Joints:
    """Where cuts lie in the windows.

    Attributes:
        left: (left trims,) the first lost position of a left window.
        right: (right trims,) the first kept position of a right window.
        longest_trim: that the windows are made for. size: of the windows.
    """

    left: np.ndarray
    right: np.ndarray
    longest_trim: int
    size: int

    @classmethod
    def of(cls, left_trims: np.ndarray, right_trims: np.ndarray, longest_trim: int) -> Joints:
        size = window_size(longest_trim)
        cuts = size - P_NUCLEOTIDES - left_trims, right_trims + P_NUCLEOTIDES
        return cls(*cuts, longest_trim, size)


@dataclass(frozen=True)
class Ligations:
    """Every way to ligate, ragged: sorted by pair, left trim, right trim and microhomology.

    Attributes:
        pair, left, right, mh: (rows,) integers: the pair of genes, positions of the two trims among
            those considered, bases of microhomology.
        sequence: (rows,) int64: rows of one number give the same sequence, rows of one pair only.
        options: (pairs, left trims, right trims) uint16: bit m tells whether m bases can be shared;
            0 where a gene is too short for the trim.
        keys: (sequences,) int64 ascending, what `find_sequences` looks a sequence up by.
        first: (sequences,) int64, the first row of each sequence.
    """

    pair: np.ndarray
    left: np.ndarray
    right: np.ndarray
    mh: np.ndarray
    sequence: np.ndarray
    options: np.ndarray
    keys: np.ndarray
    first: np.ndarray


def diagonal_matches(left: np.ndarray, right: np.ndarray) -> np.ndarray:
    """(pairs, window + 1, window + 1) int16: matches on a diagonal before position (i, k).

    Entry [p, i, k] counts the n >= 1 for which left[p, i - n] == right[p, k - n].

    Args:
        left, right: (pairs, window) int8 windows of the genes of each pair.
    """
    match = left[:, :, None] == right[:, None, :]
    counts = np.zeros((len(left), left.shape[1] + 1, right.shape[1] + 1), np.int16)
    for i in range(left.shape[1]):
        counts[:, i + 1, 1:] = counts[:, i, :-1] + match[:, i]
    return counts


def enumerate_ligations(
    left: np.ndarray,
    right: np.ndarray,
    left_of: np.ndarray,
    right_of: np.ndarray,
    joints: Joints,
) -> Ligations:
    """Every ligation of every pair of genes.

    Args:
        left: (left genes, window), right: (right genes, window) int8 windows.
        left_of, right_of: (pairs,) the genes of each pair.
    """
    # A trim exists where the base lost last does.
    left_exists = left[:, np.minimum(joints.left, joints.size - 1)] >= 0
    right_exists = right[:, np.maximum(joints.right - 1, 0)] >= 0
    chunks = []
    for rows, counts in _in_chunks(left, right, left_of, right_of):
        possible = left_exists[left_of[rows], :, None] & right_exists[right_of[rows], None, :]
        options = np.where(possible, _options(counts, joints), 0).astype(np.uint16)
        pair, a, b, mh = np.nonzero(options[..., None] >> np.arange(MOST_MH + 1) & 1)
        key = _keys(counts, pair, joints.left[a], joints.right[b] + mh)
        chunks.append((options, pair + rows[0], a, b, mh, key + rows[0] * _KEYS))
    options, pair, a, b, mh, key = (np.concatenate(parts) for parts in zip(*chunks))
    keys, first, sequence = np.unique(key, return_index=True, return_inverse=True)
    return Ligations(
        pair=pair.astype(np.int32),
        left=a.astype(np.int8),
        right=b.astype(np.int8),
        mh=mh.astype(np.int8),
        sequence=sequence,
        options=options,
        keys=keys,
        first=first,
    )


def find_sequences(
    ligations: Ligations,
    left: np.ndarray,
    right: np.ndarray,
    left_of: np.ndarray,
    right_of: np.ndarray,
    joints: Joints,
    pair: np.ndarray,
    left_trim: np.ndarray,
    right_trim: np.ndarray,
    mh: np.ndarray,
) -> np.ndarray:
    """(n,) the `sequence` that each observed ligation gives, or -1 where no considered one does.

    The observed trims may lie outside those considered: the same sequence may also come of trims
    inside.

    Args:
        pair, left_trim, right_trim, mh: (n,) what was observed, in nucleotides.
    """
    at = joints.size - P_NUCLEOTIDES - left_trim
    resumes = right_trim + P_NUCLEOTIDES + mh
    inside = (at >= 0) & (at <= joints.size) & (resumes >= 0) & (resumes <= joints.size)
    found = np.full(len(pair), -1, np.int64)
    if not len(ligations.keys):  # every gene is shorter than every trim
        return found
    order = np.argsort(pair, kind="stable")
    ordered = pair[order]
    for rows, counts in _in_chunks(left, right, left_of, right_of):
        begin, end = np.searchsorted(ordered, [rows[0], rows[-1] + 1])
        here = order[begin:end]
        here = here[inside[here]]
        key = _keys(counts, pair[here] - rows[0], at[here], resumes[here]) + rows[0] * _KEYS
        place = np.searchsorted(ligations.keys, key)
        place = np.minimum(place, len(ligations.keys) - 1)
        found[here] = np.where(ligations.keys[place] == key, place, -1)
    return found


def _in_chunks(
    left: np.ndarray, right: np.ndarray, left_of: np.ndarray, right_of: np.ndarray
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Positions of some pairs at a time, with their `diagonal_matches`."""
    for begin in range(0, len(left_of), PAIRS_AT_ONCE):
        rows = np.arange(begin, min(begin + PAIRS_AT_ONCE, len(left_of)))
        yield rows, diagonal_matches(left[left_of[rows]], right[right_of[rows]])


def _options(counts: np.ndarray, joints: Joints) -> np.ndarray:
    """(pairs, left trims, right trims) bits: bit m where the m bases before the cut recur after."""
    a, b = joints.left[:, None], joints.right[None, :]
    bits = np.zeros((len(counts), len(joints.left), len(joints.right)), np.int64)
    for m in range(MOST_MH + 1):
        bits |= (counts[:, a, b + m] - counts[:, a - m, b] == m).astype(np.int64) << m
    return bits


def _keys(counts: np.ndarray, pair: np.ndarray, at: np.ndarray, resumes: np.ndarray) -> np.ndarray:
    """(rows,) a number for each sequence of a pair.

    The left gene stops before `at`, the right one goes on from `resumes`. On one diagonal the cut
    may move over matching bases without changing the sequence, and never over a mismatch.
    """
    size = counts.shape[1] - 1
    mismatches = np.minimum(at, resumes) - counts[pair, at, resumes]
    return (pair * _KEYS + (resumes - at + size) * _STRIDE + mismatches).astype(np.int64)
