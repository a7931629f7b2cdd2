"""Boosted trees for many genes against scikit-learn's MultiOutputRegressor around XGBoost.

    python experiments/xgboost_genes/run.py [--genes 300] [--width 256] [--pairs 3]

One fold of a simulated screen: 302 perturbations to train on, 75 held out. The peer fits one
XGBRegressor with default settings for each gene, one after the other, on all threads.
Ours are the family's defaults, with a tree for each gene, and with vector leaves.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

import numpy as np  # noqa: E402

from distrib.data.screens.simulate_screen import simulate  # noqa: E402
from distrib.trainables.base import Worker  # noqa: E402
from distrib.trainables.screens.xgboost.config import XgboostConfig  # noqa: E402
from distrib.trainables.screens.xgboost.family import grown  # noqa: E402


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--genes", type=int, default=300)
    parser.add_argument("--width", type=int, default=256, help="of the embeddings")
    parser.add_argument("--pairs", type=int, default=3)
    parser.add_argument("--threads", type=int, default=2)
    args = parser.parse_args()
    screen, _ = simulate(377, max(377, args.genes), 10, 0.1, seed=0, width=args.width)
    columns = np.sort(np.random.default_rng(0).permutation(len(screen.columns))[: args.genes])
    targets = screen.targets[:, columns]
    rows = np.random.default_rng(1).permutation(len(screen))
    train, held = rows[:302], rows[302:]

    def peer() -> np.ndarray:
        from sklearn.multioutput import MultiOutputRegressor
        from xgboost import XGBRegressor

        model = MultiOutputRegressor(XGBRegressor(n_jobs=args.threads))
        return model.fit(screen.inputs[train], targets[train]).predict(screen.inputs[held])

    def ours(**options: object) -> np.ndarray:
        config = XgboostConfig(**options)  # type: ignore[arg-type]
        part = _screen(screen, targets)
        forest = grown(config, part, train, Worker(threads=args.threads), fold=0)
        while forest.grown < config.rounds and forest.open.any():
            forest.grow()
        return forest.predicted(held)

    ways: dict[str, Callable[[], np.ndarray]] = {
        "MultiOutputRegressor(XGBRegressor())": peer,
        "a tree for each gene": ours,
        "vector leaves": lambda: ours(forests="vector"),
    }
    ours(rounds=2)
    found: dict[str, list[tuple[float, float]]] = {name: [] for name in ways}
    for _ in range(args.pairs):
        for name, fit in ways.items():
            began = time.perf_counter()
            predicted = fit()
            seconds = time.perf_counter() - began
            error = float(np.square(predicted - targets[held]).mean())
            found[name].append((seconds, error))
            print(f"{name}: {seconds:.1f} s, mean squared error {error:.5f}", flush=True)
    first = next(iter(ways))
    for name in list(ways)[1:]:
        ratios = sorted(a[0] / b[0] for a, b in zip(found[first], found[name]))
        print(
            f"{name}: {statistics.median(ratios):.1f} times as fast ({ratios[0]:.1f} to "
            f"{ratios[-1]:.1f}), error {found[name][0][1]:.5f} against {found[first][0][1]:.5f}"
        )
    mean = np.square(targets[held] - targets[train].mean(axis=0)).mean()
    print(f"{args.genes} genes, {args.width} inputs; the training mean's error is {mean:.5f}")


def _screen(screen, targets):  # type: ignore[no-untyped-def]
    from dataclasses import replace

    return replace(
        screen, targets=targets, columns=screen.columns[: targets.shape[1]], gene_inputs=None
    )


if __name__ == "__main__":
    main()
