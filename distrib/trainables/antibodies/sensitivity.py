"""What conditions are worth: the nats that are lost where they are shuffled."""

from __future__ import annotations

import numpy as np


def sensitivity(
    true: np.ndarray, shuffled: np.ndarray, counts: np.ndarray, groups: np.ndarray
) -> tuple[float, float]:
    """Nats a token that shuffling costs, and their standard error.

    A ratio of sums over rows; the error by its linear form (Cochran, Sampling Techniques, 6.4),
    rows of one group added up first, since they are alike.

    Args:
        true, shuffled: (rows,) nats of each row. counts: (rows,) tokens. groups: (rows,) integers.
    """
    total = counts.sum()
    if not total:
        return float("nan"), float("nan")
    gain = shuffled - true
    ratio = gain.sum() / total
    codes = np.unique(groups, return_inverse=True)[1]
    residuals = np.bincount(codes, gain - ratio * counts)
    n = len(residuals)
    if n < 2:
        return float(ratio), float("nan")
    return float(ratio), float(np.sqrt(n / (n - 1) * np.square(residuals).sum()) / total)
