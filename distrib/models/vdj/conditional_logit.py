"""Weighted conditional logit: the exact optimum by damped Newton steps, in float64.

A choice set s offers choices c with features x[s, c, :]; P(c | s) is the softmax over c of
x[s, c, :] . b (McFadden 1974). There is no intercept: what is constant within a choice set has no
effect. The objective is the mean negative log likelihood per observation,
- sum_sc w[s, c] ln P(c | s) with weights that sum to 1, plus l2 / (2 M) sum_k b[k]^2 over the
penalised features, M being the number of choices in the sets that have weight (the convention of
Russell et al., Nucleic Acids Research 2025). It is convex; the gradient norm says when it is done.

Every function takes and gives NumPy arrays. JAX computes in float64 inside `fit` alone, so that
float32 code in the same process is not affected.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from scipy.special import log_softmax

from distrib.models.vdj.choice_losses import mean_loss, normalised
from distrib.models.vdj.identifiability import require_identifiable

_WIDTH = 12  # features are padded to a multiple of it: one compilation serves several models
_DAMPING = 1e-3  # times the gradient norm: vanishes at the optimum, so convergence is quadratic
_ARMIJO = 1e-4
_ROUNDING = 1e-14  # relative change of the objective that is noise


@dataclass(frozen=True)
class Fit:
    """A fitted model.

    Attributes:
        coefficients: (features,) float64.
        loss: mean negative log likelihood per observation, without the penalty, in nats.
        gradient_norm: Euclidean norm of the objective's gradient at the coefficients.
        num_steps: Newton steps taken.
    """

    coefficients: np.ndarray
    loss: float
    gradient_norm: float
    num_steps: int


def fit(
    features: np.ndarray,
    weights: np.ndarray,
    *,
    mask: np.ndarray | None = None,
    l2: float = 0.0,
    penalised: np.ndarray | None = None,
    names: Sequence[str] | None = None,
    tolerance: float = 1e-10,
    max_steps: int = 200,
) -> Fit:
    """Minimise the objective from zero coefficients.

    Sets without weight have no influence: leaving sets out by zero weights keeps the shapes, and
    with them the compiled code.

    Args:
        features: (sets, choices, features), finite. weights: (sets, choices), at least 0, not
            all 0; scaled here.
        mask: (sets, choices) bool, whether a choice exists; all do by default.
        l2: strength of the penalty. penalised: (features,) bool; all are by default.
        names: (features,) for the error message.
        tolerance: of the gradient norm. max_steps: where it ends otherwise, which is no error: the
            gradient norm tells. Coefficients that run away, or NaN, are given as they are.

    Raises:
        InputError: where nothing is penalised and some features are not identifiable, being
            combinations of others within the choice sets that have weight; names them.
    """
    num_features = features.shape[2]
    mask = np.ones(weights.shape, bool) if mask is None else mask
    penalised = np.ones(num_features, bool) if penalised is None else penalised
    scaled = normalised(weights)
    informative = scaled.sum(axis=1) != 0
    free = np.flatnonzero(~penalised) if l2 else np.arange(num_features)
    if len(free):
        used = [str(k) if names is None else names[k] for k in free.tolist()]
        require_identifiable(features[informative][:, :, free], mask[informative], used)
    padding = -num_features % _WIDTH if num_features else _WIDTH
    # A penalty holds the padding, whose features are zero, at zero coefficients.
    penalty = np.concatenate(
        [penalised * (l2 / np.count_nonzero(mask[informative])), np.ones(padding)]
    )
    padded = np.pad(features.astype(float), ((0, 0), (0, 0), (0, padding)))

    import jax

    with jax.enable_x64(True):
        b, gradient_norm, num_steps = _newton()(padded, scaled, mask, penalty, tolerance, max_steps)
        coefficients = np.asarray(b)[:num_features]
    return Fit(
        coefficients,
        mean_loss(log_probabilities(features, coefficients, mask), scaled),
        float(gradient_norm),
        int(num_steps),
    )


def log_probabilities(
    features: np.ndarray, coefficients: np.ndarray, mask: np.ndarray | None = None
) -> np.ndarray:
    """(sets, choices) ln P(choice | set); minus infinity where the mask is False."""
    utility = features @ coefficients
    return log_softmax(utility if mask is None else np.where(mask, utility, -np.inf), axis=1)


@cache
def _newton() -> Any:
    """The jitted solver: (features, weights, mask, penalty, tolerance, max_steps) -> b, |g|, steps.

    Steps solve (H + damping |g| I) d = -g and are halved until the objective falls enough.
    """
    import jax
    import jax.numpy as jnp
    from jax import lax
    from jax.scipy.linalg import cho_factor, cho_solve

    def solve(
        x: Any, weights: Any, mask: Any, penalty: Any, tolerance: Any, max_steps: Any
    ) -> tuple[Any, Any, Any]:
        set_weights = weights.sum(axis=1, keepdims=True)
        flat = x.reshape(-1, x.shape[2])

        def log_p(b: Any) -> Any:
            return jax.nn.log_softmax(jnp.where(mask, x @ b, -jnp.inf), axis=1)

        def objective(b: Any) -> Any:
            likelihood = jnp.where(weights > 0, weights * log_p(b), 0.0).sum()
            return 0.5 * (penalty * b**2).sum() - likelihood

        def slope(b: Any) -> tuple[Any, Any]:
            expected = set_weights * jnp.exp(log_p(b))  # (sets, choices)
            gradient = (expected - weights).ravel() @ flat + penalty * b
            means = jnp.einsum("sc,scf->sf", expected, x)
            scale = jnp.where(set_weights > 0, set_weights, 1.0)
            hessian = (flat * expected.reshape(-1, 1)).T @ flat - means.T @ (means / scale)
            return gradient, hessian + jnp.diag(penalty)

        def unfinished(carry: tuple[Any, ...]) -> Any:
            _, _, gradient, _, step = carry
            norm = jnp.linalg.norm(gradient)
            return (norm > tolerance) & jnp.isfinite(norm) & (step < max_steps)

        def advance(carry: tuple[Any, ...]) -> tuple[Any, ...]:
            b, value, gradient, hessian, step = carry
            damping = _DAMPING * jnp.linalg.norm(gradient)
            factor = cho_factor(hessian + damping * jnp.eye(len(b)))
            direction = -cho_solve(factor, gradient)
            fall = gradient @ direction

            def too_long(length: Any) -> Any:
                enough = value + _ARMIJO * length * fall + _ROUNDING * jnp.abs(value)
                return (objective(b + length * direction) > enough) & (length > 1e-12)

            length = lax.while_loop(too_long, lambda length: length / 2, jnp.ones(()))
            b = b + length * direction
            return b, objective(b), *slope(b), step + 1

        start = jnp.zeros(x.shape[2])
        carry = (start, objective(start), *slope(start), 0)
        b, _, gradient, _, step = lax.while_loop(unfinished, advance, carry)
        return b, jnp.linalg.norm(gradient), step

    return jax.jit(solve)
