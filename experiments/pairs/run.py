"""A network on pairs of embeddings: factorised blocks against pairs that are written out.

    python experiments/pairs/run.py [--pairs 5] [--rows 64]

One epoch over the pairs of some perturbations with 4,912 genes, embeddings of 512 numbers each. The
peer gathers both embeddings of 4,096 pairs a step, concatenates them and trains torch's own layers
on them; ours trains blocks of 16 rows by 256 genes, as many pairs a step, in the family's own loop.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

import torch  # noqa: E402

from distrib.data.screens.simulate_screen import simulate  # noqa: E402
from distrib.trainables.base import Worker  # noqa: E402
from distrib.trainables.screens.pairs.config import MlpPairsConfig  # noqa: E402
from distrib.trainables.screens.pairs.family import MlpPairs  # noqa: E402
from distrib.trainables.screens.pairs.task import PairsTask  # noqa: E402
from distrib.trainables.training.config import Recipe  # noqa: E402
from distrib.trainables.training.loop import train  # noqa: E402

PAIRS = 4096
WIDTHS = ((128, 64), (512, 256, 128))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pairs", type=int, default=5, help="of timings")
    parser.add_argument("--rows", type=int, default=64)
    parser.add_argument("--threads", type=int, default=2)
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    screen, _ = simulate(args.rows, 4912, 10, 0.1, seed=0, width=512)
    for widths in WIDTHS:
        ways: dict[str, Callable[[], None]] = {
            "materialised": materialised(screen, widths),
            "factorised": factorised(screen, widths),
        }
        seconds: dict[str, list[float]] = {name: [] for name in ways}
        for turn in range(args.pairs + 1):
            for name, epoch in ways.items():
                began = time.perf_counter()
                epoch()
                if turn:
                    seconds[name].append(time.perf_counter() - began)
        ratios = sorted(a / b for a, b in zip(seconds["materialised"], seconds["factorised"]))
        rates = {n: screen.targets.size / statistics.median(s) / 1e3 for n, s in seconds.items()}
        told = ", ".join(
            f"{name} {rate:,.0f} thousand pairs a second" for name, rate in rates.items()
        )
        print(
            f"hidden {'-'.join(map(str, widths))}: {told}; {statistics.median(ratios):.1f} times "
            f"({ratios[0]:.1f} to {ratios[-1]:.1f})",
            flush=True,
        )


def materialised(screen, widths):  # type: ignore[no-untyped-def]
    """An epoch of torch's layers on concatenated embeddings."""
    rows, genes = torch.from_numpy(screen.inputs), torch.from_numpy(screen.gene_inputs)
    targets = torch.from_numpy(screen.targets)
    sizes = (rows.shape[1] + genes.shape[1], *widths, 1)
    layers: list[torch.nn.Module] = []
    for a, b in pairwise(sizes):
        layers += [torch.nn.Linear(a, b), torch.nn.ReLU()]
    model = torch.nn.Sequential(*layers[:-1])
    optimiser = torch.optim.AdamW(model.parameters(), lr=1e-3, foreach=True)
    rng = torch.Generator().manual_seed(0)

    def run() -> None:
        order = torch.randperm(targets.numel(), generator=rng)
        for start in range(0, len(order), PAIRS):
            chosen = order[start : start + PAIRS]
            p, g = chosen // len(genes), chosen % len(genes)
            output = model(torch.cat([rows[p], genes[g]], dim=1))[:, 0]
            optimiser.zero_grad()
            (output - targets[p, g]).square().mean().backward()
            optimiser.step()

    return run


def factorised(screen, widths):  # type: ignore[no-untyped-def]
    """An epoch of the family's own loop."""
    config = MlpPairsConfig(
        hidden_width=widths[0], num_layers=len(widths), batch_rows=16, batch_genes=256, epochs=1
    )

    def run() -> None:
        task = PairsTask(config, screen, Worker(threads=2), held_out=None)
        for _ in train(task, Recipe.of(config, MlpPairs.metrics), Worker(threads=2)):
            pass

    return run


if __name__ == "__main__":
    main()
