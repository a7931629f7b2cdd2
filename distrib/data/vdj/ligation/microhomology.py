"""Microhomology around a joint: what could be shared in ligation, and what pairs without it.

Arrays are (pairs, left trims, right trims), a number for each pair of trims of each pair of genes.
Definitions of Russell et al. (Nucleic Acids Research 2025).
"""

from __future__ import annotations

import numpy as np

from distrib.data.vdj.ligation.ligation import (
    MOST_MH,
    MOST_OVERLAP,
    PAIRS_AT_ONCE,
    Joints,
    diagonal_matches,
)

OVERLAPS = tuple(
    [("mid", o) for o in range(1, MOST_OVERLAP + 1)]
    + [("up", o) for o in range(MOST_OVERLAP + 1)]
    + [("down", o) for o in range(MOST_OVERLAP + 1)]
)


def count_options(options: np.ndarray) -> np.ndarray:
    """How many bases of microhomology are possible, among `Ligations.options`; 0 bases counts."""
    return np.bitwise_count(options).astype(float)


def mean_mh(options: np.ndarray) -> np.ndarray:
    """`average_mh`: the mean length of microhomology over all options; 0 where there is none."""
    total = sum(m * (options >> m & 1).astype(float) for m in range(MOST_MH + 1))
    return total / np.maximum(count_options(options), 1)


def count_overlaps(
    left: np.ndarray,
    right: np.ndarray,
    left_of: np.ndarray,
    right_of: np.ndarray,
    joints: Joints,
) -> np.ndarray:
    """(pairs, left trims, right trims, overlaps) int8: positions that could pair, as `OVERLAPS`.

    The trimmed ends are slid over each other by `o` bases. `mid`: of these, how many are the same
    in both genes (so that the one pairs with the other's complement), contiguous or not. `up`: the
    bases of the left gene before the overlap against those trimmed off the right one. `down`: those
    trimmed off the left gene against the right one's after the overlap.

    Args:
        left, right: (genes, window) int8 as of `ligation.left_windows` and `right_windows`.
    """
    a, b = joints.left[:, None], joints.right[None, :]
    lost = joints.size - a  # bases trimmed off the left gene, P-nucleotides included
    spans = {
        "mid": lambda o: (a - o, b, np.full_like(a + b, o)),
        "up": lambda o: (a - o - b, np.zeros_like(a + b), b + 0 * a),
        "down": lambda o: (a + 0 * b, b + o, lost + 0 * b),
    }
    parts = []
    for begin in range(0, len(left_of), PAIRS_AT_ONCE):
        rows = slice(begin, begin + PAIRS_AT_ONCE)
        counts = diagonal_matches(left[left_of[rows]], right[right_of[rows]])
        columns = []
        for place, o in OVERLAPS:
            i, k, length = spans[place](o)
            columns.append(counts[:, i + length, k + length] - counts[:, i, k])
        parts.append(np.stack(columns, axis=-1).astype(np.int8))
    return np.concatenate(parts)


def overlap_lengths(joints: Joints) -> np.ndarray:
    """(left trims, right trims, overlaps) how many positions `count_overlaps` looks at."""
    a, b = joints.left[:, None], joints.right[None, :]
    lengths = {"up": b + 0 * a, "down": joints.size - a + 0 * b}
    return np.stack([lengths.get(place, np.full_like(a + b, o)) for place, o in OVERLAPS], axis=-1)
