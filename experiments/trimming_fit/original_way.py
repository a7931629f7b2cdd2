"""The same fit in the way of the original system (Russell et al., Nucleic Acids Research 2025).

Dense tensors with masks, gradients by autodiff, BFGS with a line search by the Wolfe conditions
down to a gradient norm of 1e-8, a start drawn from N(0, 1), and everything eager: the original
disables JAX's compilation. Own code from its description. Two things are kinder here: float64, in
which 1e-8 can be reached, and JAX's own BFGS instead of jaxopt's.
"""

from __future__ import annotations

from typing import Any

import numpy as np

MAX_ITERATIONS = 250


def eager_bfgs(x: np.ndarray, weights: np.ndarray) -> tuple[np.ndarray, float, float, int]:
    """Coefficients, loss, gradient norm and iterations.

    Args:
        x: (sets, choices, features). weights: (sets, choices) that sum to 1.
    """
    import jax
    import jax.numpy as jnp
    from jax.scipy.optimize import minimize

    with jax.enable_x64(True), jax.disable_jit():
        features, observed = jnp.asarray(x), jnp.asarray(weights)
        mask = jnp.ones(weights.shape)

        def loss(b: Any) -> Any:
            utility = jnp.where(mask == 0, -jnp.inf, jnp.squeeze(features @ b[:, None], -1))
            p = jax.nn.softmax(utility, axis=1)
            p = jnp.where(jnp.isnan(p), 0.0, p)
            return -jnp.sum(observed * jnp.log(jnp.where(p == 0, 1.0, p)))

        start = jax.random.normal(jax.random.PRNGKey(123), (x.shape[2],))
        options = {"gtol": 1e-8, "norm": 2, "maxiter": MAX_ITERATIONS}
        end = minimize(loss, start, method="BFGS", options=options)
        norm = float(jnp.linalg.norm(end.jac))
        return np.asarray(end.x), float(end.fun), norm, int(end.nit)
