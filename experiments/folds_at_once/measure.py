"""How much faster five folds train at once than one after the other.

Both ways run the same code on the default data; each pair is timed back to back, several times, so
that whatever else the machine does weighs on both. Prints a table of ratios.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Sequence

from distrib.data.screens.screen import Screen
from distrib.trainables.base import Worker
from distrib.trainables.screens.base import folds_of
from distrib.trainables.screens.mlp.config import MlpConfig
from distrib.trainables.screens.mlp.family import Mlp
from distrib.trainables.screens.mlp.task import MlpTask
from distrib.trainables.training.config import Recipe
from distrib.trainables.training.loop import train


def seconds(config: MlpConfig, data: Screen, worker: Worker, folds: Sequence[int] | None) -> float:
    """Time of a training of these folds (None: all), each epoch scored."""
    parts = folds_of(config, data)
    began = time.perf_counter()
    for _ in train(
        MlpTask(config, data, worker, parts, folds), Recipe.of(config, Mlp.metrics), worker
    ):
        pass
    return time.perf_counter() - began


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--widths", type=int, nargs="+", default=[16, 64, 128, 512])
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--epochs", type=int, default=5)
    parser.add_argument("--pairs", type=int, default=7)
    args = parser.parse_args()
    data = Mlp().load(Mlp.Source())
    print("threads  width  at once (ms/epoch)  in turn (ms/epoch)  ratio, median (least, most)")
    for threads in args.threads:
        worker = Worker(threads=threads)
        for width in args.widths:
            config = MlpConfig(hidden_width=width, epochs=args.epochs)
            seconds(config, data, worker, None)
            pairs = []
            for _ in range(args.pairs):
                together = seconds(config, data, worker, None)
                in_turn = sum(seconds(config, data, worker, [k]) for k in range(config.folds))
                pairs.append((together, in_turn))
            ratios = sorted(b / a for a, b in pairs)
            once, turn = (
                1e3 * statistics.median(times) / args.epochs for times in zip(*pairs, strict=True)
            )
            print(
                f"{threads:7d}  {width:5d}  {once:18.1f}  {turn:18.1f}  "
                f"{statistics.median(ratios):.2f} ({ratios[0]:.2f}, {ratios[-1]:.2f})",
                flush=True,
            )


if __name__ == "__main__":
    main()
