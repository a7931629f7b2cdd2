"""How certain a conditional logit model is: its Hessian, and the scores of its choice sets."""

from __future__ import annotations

import numpy as np
from scipy.special import softmax

from distrib.models.vdj.choice_losses import normalised


def hessian(features: np.ndarray, weights: np.ndarray, b: np.ndarray) -> np.ndarray:
    """(features, features) of the mean negative log likelihood: the mean of Var[x | set].

    Args:
        features: (sets, choices, features). weights: (sets, choices), scaled to sum to 1.
    """
    p = softmax(features @ b, axis=1)
    centred = features - np.einsum("sc,scf->sf", p, features)[:, None, :]
    of_sets = normalised(weights).sum(axis=1)
    return np.einsum("s,sc,scf,scg->fg", of_sets, p, centred, centred, optimize=True)


def set_scores(features: np.ndarray, weights: np.ndarray, b: np.ndarray) -> np.ndarray:
    """(sets, features) the gradient of each set's mean ln P; 0 for a set without weight."""
    p = softmax(features @ b, axis=1)
    total = weights.sum(axis=1, keepdims=True)
    own = np.divide(weights, total, out=p.copy(), where=total > 0)
    return np.einsum("sc,scf->sf", own - p, features)
