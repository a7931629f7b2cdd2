"""What the MLP head asks of its data: folds, targets fit for the loss, the model's own columns."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from distrib.data.screen import Screen
from distrib.data.splits import fold_ids
from distrib.errors import InputError
from distrib.trainables.base import State

if TYPE_CHECKING:
    from distrib.trainables.mlp import MlpConfig

SUM_TOLERANCE = 0.01
"""How far the sum of a row may be from 1: printed profiles are rounded."""


def held_out_rows(config: MlpConfig, data: Screen) -> list[np.ndarray]:
    """The rows of each fold: the data's own folds, or groups dealt by `config.fold_seed`.

    Raises:
        InputError: where there are fewer than two folds to be had.
    """
    folds = data.folds
    if folds is None:
        folds = fold_ids(data.groups, config.folds, config.fold_seed)
    parts = [np.flatnonzero(folds == fold) for fold in np.unique(folds)]
    if len(parts) < 2:
        raise InputError(
            "one fold only: nothing would be left to train on",
            where="folds",
            found=f"{len(data)} rows, all in one fold",
            expected="rows in at least two folds",
        )
    return parts


def training_targets(config: MlpConfig, data: Screen) -> np.ndarray:
    """(rows, G) targets, NaN where not measured.

    Raises:
        InputError: where there are none, or some that the loss cannot be computed of.
    """
    targets = data.targets
    if targets is None:
        raise InputError("these data have no targets", expected="targets, to train or to judge")
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


def check_inputs(state: State, data: Screen) -> None:
    """Raise where the inputs are not of the size that the model was trained on."""
    expected, found = state.arrays["model.input_mean"].shape[-1], data.inputs.shape[1]
    if expected != found:
        raise InputError(
            "the inputs are not of the size that the model was trained on",
            found=f"{found} inputs a row",
            expected=f"{expected} inputs a row",
        )


def known_targets(config: MlpConfig, state: State, data: Screen) -> np.ndarray:
    """(rows, G) targets of data to be judged on, their columns in the model's order.

    Raises:
        InputError: where inputs or targets are not those of the model.
    """
    check_inputs(state, data)
    targets = training_targets(config, data)
    columns, found = state.values["columns"], data.columns.tolist()
    if sorted(columns) != sorted(found):
        odd = sorted(set(columns) ^ set(found))
        raise InputError(
            "the targets are not those that the model was trained on",
            where=f"column {odd[0]}" if odd else None,
            found=f"{len(found)} targets",
            expected=f"the {len(columns)} targets of the model",
        )
    return targets[:, [found.index(column) for column in columns]]
