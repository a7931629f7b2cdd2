"""Two workers against one: samples per second of a perceptron of 5 million parameters.

python experiments/two_workers/run.py [--batch 2048] [--steps 20] [--repeats 5]

Each worker has one core, to which it is pinned, and one thread; the global batch is the same.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from itertools import pairwise
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
WIDTHS = (512, 1536, 1536, 1152, 64)


def work(rank: int, size: int, meeting: str, batch: int, steps: int) -> None:
    """Train as one worker; rank 0 prints seconds a step."""
    os.sched_setaffinity(0, {sorted(os.sched_getaffinity(0))[rank]})
    os.environ["OMP_NUM_THREADS"] = "1"
    import torch
    from torch import nn

    from distrib.trainables.base import Worker
    from distrib.trainables.training.data_parallel import process_group

    torch.set_num_threads(1)
    torch.manual_seed(0)
    layers: list[nn.Module] = []
    for fan_in, fan_out in pairwise(WIDTHS):
        layers += [nn.Linear(fan_in, fan_out), nn.ReLU()]
    net = nn.Sequential(*layers[:-1])
    with process_group(Worker(), rank, size, Path(meeting), one_node=True) as worker:
        model = worker.wrap(net) if size > 1 else net
        optimizer = torch.optim.AdamW(net.parameters(), fused=True)
        x, y = torch.randn(batch // size, WIDTHS[0]), torch.randn(batch // size, WIDTHS[-1])

        def step() -> None:
            optimizer.zero_grad()
            loss = (model(x) - y).square().mean()
            loss.backward()
            optimizer.step()

        for _ in range(3):
            step()
        worker.agree([0])
        began = time.monotonic()
        for _ in range(steps):
            step()
        worker.agree([0])
        if rank == 0:
            parameters = sum(p.numel() for p in net.parameters())
            print(parameters, (time.monotonic() - began) / steps)


def timed(size: int, batch: int, steps: int) -> tuple[int, float]:
    """Parameters, and samples per second, of a training by `size` workers."""
    with tempfile.TemporaryDirectory() as folder:
        workers = [
            subprocess.Popen(
                [sys.executable, __file__, "--worker", str(rank), str(size), f"{folder}/meeting",
                 "--batch", str(batch), "--steps", str(steps)],
                env={**os.environ, "PYTHONPATH": str(ROOT)},
                stdout=subprocess.PIPE,
                text=True,
            )
            for rank in range(size)
        ]  # fmt: skip
        said = [worker.communicate(timeout=600)[0] for worker in workers]
    parameters, seconds = said[0].split()
    return int(parameters), batch / float(seconds)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--batch", type=int, default=2048, help="rows of a step, over all workers")
    parser.add_argument("--steps", type=int, default=20)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--worker", nargs=3, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.worker:
        rank, size, meeting = args.worker
        work(int(rank), int(size), meeting, args.batch, args.steps)
        return
    ratios = []
    for _ in range(args.repeats):
        parameters, one = timed(1, args.batch, args.steps)
        _, two = timed(2, args.batch, args.steps)
        ratios.append(two / one)
        print(
            f"{parameters / 1e6:.2f} M parameters, batch {args.batch}: one worker {one:.0f} "
            f"samples/s, two {two:.0f}, ratio {two / one:.2f}",
            flush=True,
        )
    print(f"median ratio {statistics.median(ratios):.2f}")


if __name__ == "__main__":
    main()
