"""How well any model could do: two halves of the replicates (guides, cells) against each other.

The measured profile is the mean of both halves. With r their correlation, that of the whole with
itself measured again is 2r / (1 + r) (Spearman, British Journal of Psychology 3:271, 1910; Brown,
ibid. 3:296), and with the truth its root (Spearman, American Journal of Psychology 15:72, 1904).
The noise of the whole is half the difference of the halves. Of halves that hold shares p and 1 - p
of the whole it is the root of p (1 - p) times their difference, and the correlation is Horst's
(Psychometrika 16:368, 1951), of which the former is the case of p = 1/2.

What both halves were compared to alike (a control's mean, in cells and guides) is no noise of
theirs, error though it has: it stands in the rows that a model is trained on, too, and can be
learned. The truth is what more cells of a perturbation would come to beside the same control.
"""

from __future__ import annotations

import numpy as np

from distrib.data.screens.scoring.metrics import correlation, part_means

NAME = "split halves (bound)"
"""Among the baselines, of which it is none: no model can beat it but by chance."""


def split_half_ceiling(
    halves: np.ndarray, parts: np.ndarray, whole: np.ndarray | None = None
) -> dict[str, float]:
    """What a model that knew the truth would reach: pearson, delta_pearson, rmse, mse.

    The truth is that of the rows beside the control that they were compared to.

    Args:
        halves: (2, N, G), NaN where not measured. parts: (N,) which rows are held out together.
        whole: (N, G) of both, by which it is known how large either is; None: equally large.
    """
    both = np.isfinite(halves).all(axis=0)
    first, second = np.where(both, halves, 0.0).astype(np.float64)
    apart = np.square(first - second)
    noise = apart / 4
    if whole is not None:
        mean = np.where(both, whole, 0.0)
        noise = np.clip((mean - second) * (first - mean), 0.0, noise)
    share = float(noise.sum() / apart.sum()) if apart.sum() > 0 else 0.25
    count = both.sum(axis=1)
    found = {}
    centred = []
    for half in (first, second):
        mean, rows = part_means(half, both, parts)
        centred.append(half - mean)
    several = both & (rows >= 2)
    for name, a, b, there in (
        ("pearson", first, second, both),
        ("delta_pearson", centred[0], centred[1], several),
    ):
        values = correlation(a, b, there, 1)
        known = ~np.isnan(values)
        if known.any():
            half = max(0.0, float(values[known].mean()))
            found[name] = float(np.sqrt(_of_both(half, share)))
    some = count > 0
    if some.any():
        squares = noise.sum(axis=1)[some] / count[some]
        found["rmse"] = float(np.sqrt(squares).mean())
        found["mse"] = float(squares.mean())
    return found


def _of_both(half: float, share: float) -> float:
    """The correlation of the whole with itself measured again, of the halves' (Horst 1951).

    Args:
        share: p (1 - p), where the halves are p and 1 - p of the whole; 1/4 where they are equal.
    """
    rest = 2 * share * (1 - half**2)
    if rest <= 0:
        return half
    return float((half * np.sqrt(half**2 + 2 * rest) - half**2) / rest)
