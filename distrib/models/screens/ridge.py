"""Ridge regression in closed form, its penalty given or chosen by leaving one row out at a time."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

PENALTIES = np.logspace(-1, 6, 22)
"""Those tried where none is given."""


@dataclass(frozen=True)
class Ridge:
    """A linear model of targets (rows, G) on inputs (rows, d).

    Attributes:
        coefficients: (d, G). intercept: (G,). penalty: the one used.
    """

    coefficients: np.ndarray
    intercept: np.ndarray
    penalty: float

    def predict(self, inputs: np.ndarray) -> np.ndarray:
        """(rows, d) -> (rows, G)."""
        return inputs @ self.coefficients + self.intercept


def fit_ridge(inputs: np.ndarray, targets: np.ndarray, penalty: float | None = None) -> Ridge:
    """Minimise the squared error + penalty * |coefficients|^2, the intercept free (Hoerl 1970).

    Without a penalty, it is the one of `PENALTIES` whose left-out rows are predicted best.

    The residual of a row that was left out is its residual in the fit divided by one less its
    leverage (Allen 1974), so that one singular value decomposition serves every penalty.

    Args:
        inputs: (rows, d). targets: (rows, G); one that is missing (NaN) counts as its column's
            mean, one column missing throughout as 0. penalty: above 0.
    """
    rows = len(inputs)
    measured = np.isfinite(targets)
    y = np.where(measured, targets, 0.0).astype(np.float64)
    y_mean = y.sum(axis=0) / np.maximum(measured.sum(axis=0), 1)
    y = np.where(measured, y - y_mean, 0.0)
    x_mean = inputs.mean(axis=0, dtype=np.float64)
    u, s, vt = np.linalg.svd(inputs - x_mean, full_matrices=False)
    uy = u.T @ y
    if penalty is None:
        errors = []
        for tried in PENALTIES:
            shrink = s**2 / (s**2 + tried)
            leverage = np.square(u) @ shrink + 1 / rows
            residual = (y - u @ (shrink[:, None] * uy)) / np.maximum(1 - leverage, 1e-9)[:, None]
            errors.append(np.square(residual[measured]).mean())
        penalty = float(PENALTIES[int(np.argmin(errors))])
    coefficients = vt.T @ ((s / (s**2 + penalty))[:, None] * uy)
    return Ridge(coefficients, y_mean - x_mean @ coefficients, penalty)
