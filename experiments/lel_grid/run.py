"""A whole grid of penalties of the linear model against plain solves, one for each fold.

    python experiments/lel_grid/run.py [--repeats 7]

P = 377 perturbations, G = 4,912 genes, K = 512 dimensions on both sides, five folds. The plain
solve forms W by its normal equations for one pair of penalties and predicts the held-out rows.
"""

from __future__ import annotations

import argparse
import resource
import statistics
import sys
import time
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

import numpy as np  # noqa: E402

from distrib.data.splits import fold_ids  # noqa: E402
from distrib.models.screens.lel import Factor, Held, Lel, two_sided_errors  # noqa: E402

P, G, K, FOLDS = 377, 4912, 512, 5
GRID = np.logspace(-3, 4, 32)  # of either side: 1,024 pairs


def problem(seed: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Gene embeddings (G, K), perturbation embeddings (P, K), responses (P, G)."""
    rng = np.random.default_rng(seed)
    genes, perturbations = rng.standard_normal((G, K)), rng.standard_normal((P, K))
    truth = perturbations[:, :10] @ rng.standard_normal((10, 10)) @ genes[:, :10].T / 30
    return genes, perturbations, truth + 0.1 * rng.standard_normal((P, G))


def folds() -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Rows to train on, and rows held out."""
    of_row = fold_ids(np.arange(P), FOLDS, seed=0)
    for fold in range(FOLDS):
        yield np.flatnonzero(of_row != fold), np.flatnonzero(of_row == fold)


def plain(genes: np.ndarray, perturbations: np.ndarray, responses: np.ndarray) -> list[float]:
    """Mean squared errors of one pair of penalties, a plain solve for each fold."""
    errors = []
    for train, held in folds():
        mean = responses[train].mean(axis=0)
        c, p = (responses[train] - mean).T, perturbations[train]
        left = np.linalg.solve(genes.T @ genes + GRID[16] * np.eye(K), genes.T @ c @ p)
        w = np.linalg.solve(p.T @ p + GRID[16] * np.eye(K), left.T).T
        predicted = mean + perturbations[held] @ w.T @ genes.T
        errors.append(float(np.square(responses[held] - predicted).mean()))
    return errors


def grid(genes: np.ndarray, perturbations: np.ndarray, responses: np.ndarray) -> list[np.ndarray]:
    """Mean squared errors of every pair of penalties: one factorisation of the genes for all folds,
    one of the perturbations for each.
    """
    factor = Factor.of(genes)
    projected = factor.left.T @ responses.T
    errors = []
    for train, held in folds():
        mean = responses[train].mean(axis=0)
        centre = (factor.left.T @ mean)[:, None]
        model = Lel.of(factor, perturbations[train], projected[:, train] - centre)
        rows = Held(
            perturbations[held],
            projected[:, held] - centre,
            float(np.square(responses[held] - mean).sum()),
            len(held) * G,
            np.empty((2, 0), dtype=np.int64),
        )
        errors.append(two_sided_errors(model, rows, GRID, GRID))
    return errors


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=7)
    args = parser.parse_args()
    data = problem()
    one, all_pairs = plain(*data), grid(*data)
    apart = max(abs(e[16, 16] - p) for e, p in zip(all_pairs, one))
    times = []
    for _ in range(args.repeats):
        began = time.perf_counter()
        plain(*data)
        between = time.perf_counter()
        grid(*data)
        times.append((between - began, time.perf_counter() - between))
    solves, grids = zip(*times)
    ratios = sorted(b / a for a, b in times)
    resident = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    print(f"{FOLDS} plain solves: {statistics.median(solves):.2f} s")
    print(f"{len(GRID) ** 2} pairs x {FOLDS} folds: {statistics.median(grids):.2f} s")
    print(
        f"ratio, median of {args.repeats}: {statistics.median(ratios):.2f} "
        f"({ratios[0]:.2f} to {ratios[-1]:.2f})"
    )
    print(f"largest difference of the common pair's error: {apart:.1e}")
    print(f"resident at most: {resident:.2f} GiB")


if __name__ == "__main__":
    main()
