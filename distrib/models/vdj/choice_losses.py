"""How well predicted choices fit observed ones: losses with their bounds, errors of profiles.

Shapes: (sets, choices). Losses are per observation, in nats: every weight counts alike. Errors of
profiles are means over sets: every set counts alike.
"""

from __future__ import annotations

import numpy as np
from scipy.special import xlogy


def normalised(weights: np.ndarray) -> np.ndarray:
    """Weights that sum to 1 in all."""
    return weights / weights.sum()


def mean_loss(log_p: np.ndarray, weights: np.ndarray) -> float:
    """Mean negative log likelihood of ln P(choice | set); infinite where P = 0 was observed."""
    observed = weights != 0  # NaN counts as observed, and is seen in the loss
    return float(-(normalised(weights)[observed] * log_p[observed]).sum())


def saturated_loss(weights: np.ndarray) -> float:
    """The least loss of any model: that of each set's own observed frequencies."""
    scaled = normalised(weights)
    of_sets = scaled.sum(axis=1)
    return float(xlogy(of_sets, of_sets).sum() - xlogy(scaled, scaled).sum())


def null_loss(weights: np.ndarray, mask: np.ndarray | None = None) -> float:
    """The loss of equally likely choices: the mean of ln(number of choices).

    Args:
        mask: (sets, choices) bool, whether a choice exists; all do by default.
    """
    sizes = np.full(len(weights), weights.shape[1]) if mask is None else mask.sum(axis=1)
    return float(normalised(weights).sum(axis=1) @ np.log(sizes))


def frequencies(weights: np.ndarray) -> np.ndarray:
    """(sets, choices) observed P(choice | set); every set has some weight."""
    return weights / weights.sum(axis=1, keepdims=True)


def set_rmse(log_p: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """(sets,) root mean square, over the choices, of predicted minus observed probability."""
    return np.sqrt(np.mean((np.exp(log_p) - frequencies(weights)) ** 2, axis=1))


def set_mae(log_p: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """(sets,) mean absolute difference, over the choices, of predicted and observed probability."""
    return np.mean(np.abs(np.exp(log_p) - frequencies(weights)), axis=1)


def scores(log_p: np.ndarray, weights: np.ndarray) -> dict[str, float]:
    """`log_loss`, `rmse`, `mae` and `log_loss_above_saturated` of predictions."""
    loss = mean_loss(log_p, weights)
    return {
        "log_loss": loss,
        "rmse": float(set_rmse(log_p, weights).mean()),
        "mae": float(set_mae(log_p, weights).mean()),
        "log_loss_above_saturated": loss - saturated_loss(weights),
    }
