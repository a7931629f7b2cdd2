"""What the MLP head asks of its data: targets that its loss can be computed of."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from distrib.data.screens.screen import Screen
from distrib.errors import InputError
from distrib.trainables.screens.base import require_targets

if TYPE_CHECKING:
    from distrib.trainables.screens.mlp.config import MlpConfig

SUM_TOLERANCE = 0.01
"""How far the sum of a row may be from 1: printed profiles are rounded."""


def training_targets(config: MlpConfig, data: Screen) -> np.ndarray:
    """(rows, G) targets, NaN where not measured.

    Raises:
        InputError: where there are none, or some that the loss cannot be computed of.
    """
    targets = require_targets(data)
    if config.loss == "cross_entropy":
        _check_distributions(data, targets)
    return targets


def _check_distributions(data: Screen, targets: np.ndarray) -> None:
    hint = "set loss to mse for targets that are not distributions"
    if (wrong := np.argwhere(targets < 0)).size:
        row, column = wrong[0]
        raise InputError(
            "cross-entropy needs targets that are not negative",
            where=f"row {data.ids[row]}, column {data.columns[column]}",
            found=targets[row, column],
            expected="a probability",
            hint=hint,
        )
    sums = np.where(np.isfinite(targets).all(axis=1), targets.sum(axis=1), 1.0)
    if (rows := np.flatnonzero(np.abs(sums - 1) > SUM_TOLERANCE)).size:
        raise InputError(
            "cross-entropy needs rows that are distributions",
            where=f"row {data.ids[rows[0]]}",
            found=f"targets that sum to {sums[rows[0]]:.6g}",
            expected="targets that sum to 1",
            hint=hint,
        )
