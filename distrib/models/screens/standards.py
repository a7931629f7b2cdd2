"""Means and scales of the rows that a network is trained on, by which it is standardised.

Axes in the shapes: n rows, d inputs, G columns.
"""

from __future__ import annotations

import torch
from torch import Tensor


def input_standards(x: Tensor, weights: Tensor | None = None) -> tuple[Tensor, Tensor]:
    """(d,) mean and standard deviation of (n, d) inputs; a constant one has scale 1.

    Args:
        weights: (n,) of the rows, above 0; None: all alike.
    """
    if weights is None:
        scale, mean = torch.std_mean(x, dim=0, correction=0)
    else:
        share = (weights / weights.sum())[:, None]
        mean = (x * share).sum(0)
        scale = ((x - mean).square() * share).sum(0).sqrt()
    return mean, scale.masked_fill(scale <= 1e-6 * mean.abs(), 1.0)


def target_standards(
    y: Tensor, measured: Tensor, weights: Tensor | None = None
) -> tuple[Tensor, Tensor]:
    """(G,) mean of each column, and () the spread of all around them; measured targets alone.

    A column never measured has mean 0; where nothing varies, the spread is 1.

    Args:
        y: (n, G), finite also where not measured. measured: (n, G) bool. weights: as above.
    """
    share = measured if weights is None else measured * weights[:, None]
    mean = (y * share).sum(0) / _divisor(share.sum(0))
    variance = ((y - mean).square() * share).sum() / _divisor(share.sum())
    return mean, variance.sqrt() if variance > 0 else torch.ones_like(variance)


def _divisor(total: Tensor) -> Tensor:
    return torch.where(total > 0, total, torch.ones_like(total))
