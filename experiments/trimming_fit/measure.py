"""Time the 12-parameter trimming fit of human TRB V genes, beside SciPy on the same objective.

And beside the way of the original system (`original_way`), which takes seconds.

python experiments/trimming_fit/measure.py --repeats 200
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable

import numpy as np
from original_way import eager_bfgs
from scipy.optimize import minimize
from scipy.special import log_softmax

from distrib.data.vdj.trimming.cut_features import build_features
from distrib.data.vdj.trimming.trimming import olga_trimming
from distrib.models.vdj.conditional_logit import fit


def scipy_fit(x: np.ndarray, w: np.ndarray) -> np.ndarray:
    """The optimum by quasi-Newton steps, gradient norm below 1e-8 as in the original system."""
    w = w / w.sum()
    flat, of_sets = x.reshape(-1, x.shape[2]), w.sum(axis=1, keepdims=True)

    def objective(b: np.ndarray) -> tuple[float, np.ndarray]:
        log_p = log_softmax(x @ b, axis=1)
        return -(w * log_p).sum(), (of_sets * np.exp(log_p) - w).ravel() @ flat

    start = np.zeros(x.shape[2])
    options = {"gtol": 1e-8, "norm": 2}
    return minimize(objective, start, jac=True, method="BFGS", options=options).x


def seconds(work: Callable[[], object]) -> float:
    """How long it takes once."""
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=200)
    parser.add_argument("--original-repeats", type=int, default=5)
    options = parser.parse_args()
    repeats = options.repeats

    data = olga_trimming()
    x = build_features(data.ends, data.trims, "motif_two-side-base-count-beyond", 1, 2)
    first = seconds(lambda: fit(x, data.weights))
    model = fit(x, data.weights)
    pairs = [
        (seconds(lambda: fit(x, data.weights)), seconds(lambda: scipy_fit(x, data.weights)))
        for _ in range(repeats)
    ]
    ours, peers = zip(*pairs)
    difference = np.abs(model.coefficients - scipy_fit(x, data.weights)).max()
    print(f"choice sets x choices x features   {x.shape}")
    print(f"first fit, with compilation        {first * 1e3:9.1f} ms")
    print(f"fit, median of {repeats:4d}                {statistics.median(ours) * 1e3:9.2f} ms")
    print(f"fit, slowest                       {max(ours) * 1e3:9.2f} ms")
    print(f"SciPy BFGS, median                 {statistics.median(peers) * 1e3:9.2f} ms")
    ratio = statistics.median(b / a for a, b in pairs)
    print(f"SciPy / ours, median of pairs      {ratio:9.1f}")
    print(f"Newton steps                       {model.num_steps:9d}")
    print(f"gradient norm                      {model.gradient_norm:9.1e}")
    print(f"loss, nats per sequence            {model.loss:9.6f}")
    print(f"largest difference of coefficients {difference:9.1e}")

    weights = data.weights / data.weights.sum()
    eager_bfgs(x, weights)  # imports, and what JAX builds once even when eager
    pairs = [
        (seconds(lambda: fit(x, data.weights)), seconds(lambda: eager_bfgs(x, weights)))
        for _ in range(options.original_repeats)
    ]
    b, loss, norm, iterations = eager_bfgs(x, weights)
    ours, peers = zip(*pairs)
    ratios = [peer / one for one, peer in pairs]
    print(f"\noriginal's way, median of {options.original_repeats:2d}       "
          f"{statistics.median(peers) * 1e3:9.0f} ms")  # fmt: skip
    print(f"fit in turn with it, median        {statistics.median(ours) * 1e3:9.2f} ms")
    print(f"original's way / ours, median      {statistics.median(ratios):9.0f}")
    print(f"the same, least of pairs           {min(ratios):9.0f}")
    print(f"its iterations                     {iterations:9d}")
    print(f"its gradient norm                  {norm:9.1e}")
    print(f"its loss less ours, nats           {loss - model.loss:9.1e}")
    print(f"largest difference of coefficients {np.abs(b - model.coefficients).max():9.1e}")


if __name__ == "__main__":
    main()
