"""Ridge regression in closed form, its penalty chosen by leaving one row out at a time."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

PENALTIES = np.logspace(-3, 4, 22)
"""Tried penalties, per row: the criterion is squared error / rows + penalty * |coefficients|^2."""


@dataclass(frozen=True)
class Ridge:
    """A linear model of targets (rows, G) on inputs (rows, d).

    Attributes:
        coefficients: (d, G). intercept: (G,). penalty: the one chosen, of `PENALTIES`.
    """

    coefficients: np.ndarray
    intercept: np.ndarray
    penalty: float

    def predict(self, inputs: np.ndarray) -> np.ndarray:
        """(rows, d) -> (rows, G)."""
        return inputs @ self.coefficients + self.intercept


def fit_ridge(inputs: np.ndarray, targets: np.ndarray) -> Ridge:
    """Fit on standardised inputs with the penalty whose left-out rows are predicted best.

    The residual of a row that was left out is its residual in the fit divided by one less its
    leverage (Allen 1974), so that one singular value decomposition serves every penalty.

    Args:
        inputs: (rows, d). targets: (rows, G); one that is missing (NaN) counts as its column's
            mean, one column missing throughout as 0.
    """
    rows = len(inputs)
    measured = np.isfinite(targets)
    y = np.where(measured, targets, 0.0).astype(np.float64)
    y_mean = y.sum(axis=0) / np.maximum(measured.sum(axis=0), 1)
    y = np.where(measured, y - y_mean, 0.0)
    x_mean = inputs.mean(axis=0, dtype=np.float64)
    x = inputs - x_mean
    scale = np.sqrt(np.square(x).mean(axis=0))
    scale = np.where(scale > 1e-6 * np.abs(x_mean), scale, 1.0)
    u, s, vt = np.linalg.svd(x / scale, full_matrices=False)
    uy = u.T @ y
    errors = []
    for penalty in PENALTIES:
        shrink = s**2 / (s**2 + rows * penalty)
        leverage = np.square(u) @ shrink + 1 / rows
        residual = (y - u @ (shrink[:, None] * uy)) / np.maximum(1 - leverage, 1e-9)[:, None]
        errors.append(np.square(residual[measured]).mean())
    penalty = float(PENALTIES[int(np.argmin(errors))])
    coefficients = vt.T @ ((s / (s**2 + rows * penalty))[:, None] * uy) / scale[:, None]
    return Ridge(coefficients, y_mean - x_mean @ coefficients, penalty)
