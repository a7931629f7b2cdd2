"""A training fed by a stream against the same training fed by arrays in memory, and its memory.

    python experiments/stream/run.py [--pairs 5] [--memory 64] [--times 10] [--batch 256]
        [--storage binary]

Writes a set of `times` the stream's memory, then trains one epoch in processes of their own, one
way after the other, both with the environment of a study's workers. Both give the same consumer, an
MLP step on one thread, float32 arrays.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

import numpy as np  # noqa: E402
import pandas  # noqa: E402, F401
import pyarrow as pa  # noqa: E402
import pyarrow.parquet as pq  # noqa: E402

from distrib.cluster.environment import SETTINGS  # noqa: E402
from distrib.data.streams.parquet_set import ParquetSet, open_set  # noqa: E402
from distrib.data.streams.parquet_set_arrays import dense, packed  # noqa: E402
from distrib.data.streams.stream import Rows, Stream  # noqa: E402

WIDTH = 256  # numbers a row, float32
FILES = 8
MIB = 2**20

Batches = Iterator[tuple[np.ndarray, np.ndarray]]


def write_set(folder: Path, rows: int, group: int, storage: str) -> None:
    """Rows of normal numbers `x` and their mean as `y`, in files of equal size."""
    rng = np.random.default_rng(0)
    number = pa.field("element", pa.float32(), nullable=False)
    kind = pa.binary(4 * WIDTH) if storage == "binary" else pa.list_(number, WIDTH)
    for i in range(FILES):
        with pq.ParquetWriter(
            folder / f"part-{i:05d}-of-{FILES:05d}.parquet",
            pa.schema({"x": kind, "y": pa.float32()}),
            use_dictionary=False,
        ) as writer:
            for _ in range(max(1, rows // FILES // group)):
                x = rng.standard_normal((group, WIDTH), dtype=np.float32)
                if storage == "binary":
                    cells = packed(x)
                else:
                    cells = pa.FixedSizeListArray.from_arrays(pa.array(x.ravel()), type=kind)
                writer.write_table(pa.table({"x": cells, "y": pa.array(x.mean(1))}))


def rows_of_x(table: pa.Table) -> np.ndarray:
    """(rows, WIDTH) float32, however they are stored."""
    binary = pa.types.is_fixed_size_binary(table.schema.field("x").type)
    return dense(table, "x", np.float32 if binary else None)


def from_arrays(data: ParquetSet, batch: int) -> Batches:
    """Rows of arrays in memory in a random order."""
    tables = [data.read(shard) for shard in data.shards]
    x = np.concatenate([rows_of_x(table) for table in tables])
    y = np.concatenate([dense(table, "y") for table in tables])
    del tables

    def batches() -> Batches:
        order = np.random.default_rng(1).permutation(len(x))
        for start in range(0, len(x), batch):
            rows = order[start : start + batch]
            yield x[rows], y[rows]

    return batches()


def from_stream(data: ParquetSet, batch: int, memory: int) -> Batches:
    """Rows of the files, streamed."""
    for step in Stream(data, Rows(batch), seed=1, memory=memory).epoch(0):
        table = step.table
        yield rows_of_x(table), dense(table, "y")


def resident() -> float:
    """MiB of this process."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / MIB


def train(way: str, folder: Path, batch: int, memory: int, hidden: int) -> dict[str, float]:
    """Samples per second over one epoch, and the most MiB above those before it."""
    import torch

    torch.set_num_threads(1)
    torch.manual_seed(0)
    model = torch.nn.Sequential(
        torch.nn.Linear(WIDTH, hidden), torch.nn.ReLU(), torch.nn.Linear(hidden, 1)
    )
    optimizer = torch.optim.AdamW(model.parameters(), fused=True)

    def step(x: np.ndarray, y: np.ndarray) -> None:
        loss = torch.nn.functional.mse_loss(model(torch.from_numpy(x))[:, 0], torch.from_numpy(y))
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()

    for _ in range(20):
        step(np.zeros((batch, WIDTH), np.float32), np.zeros(batch, np.float32))
    data = open_set(folder)
    if way == "arrays":
        batches = from_arrays(data, batch)
    else:
        batches = from_stream(data, batch, memory)
    before = most = resident()
    arrow = rows = 0
    began = time.perf_counter()
    for i, (x, y) in enumerate(batches):
        step(x, y)
        rows += len(y)
        if i % 10 == 0:
            most = max(most, resident())
            arrow = max(arrow, pa.total_allocated_bytes())
    seconds = time.perf_counter() - began
    return {
        "rows": rows,
        "samples": rows / seconds,
        "growth": most - before,
        "arrow": arrow / MIB,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pairs", type=int, default=5)
    parser.add_argument("--memory", type=int, default=64, help="MiB that the stream may hold")
    parser.add_argument("--times", type=int, default=10, help="size of the set over that")
    parser.add_argument("--batch", type=int, default=256)
    parser.add_argument("--hidden", type=int, default=256)
    parser.add_argument("--group", type=int, default=2048, help="rows of a row group")
    parser.add_argument("--storage", choices=["list", "binary"], default="binary")
    parser.add_argument("--train", choices=["arrays", "stream"], help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.train:
        found = train(args.train, args.folder, args.batch, args.memory * MIB, args.hidden)
        print(json.dumps(found))
        return
    ratios, growths, arrows = [], [], []
    with tempfile.TemporaryDirectory() as name:
        rows = args.times * args.memory * MIB // (4 * WIDTH)
        write_set(Path(name), rows, args.group, args.storage)
        for pair in range(args.pairs):
            found = {}
            for way in ("arrays", "stream") if pair % 2 == 0 else ("stream", "arrays"):
                command = [sys.executable, *sys.argv, "--train", way, "--folder", name]
                environment = os.environ | SETTINGS | {"OMP_NUM_THREADS": "1"}
                output = subprocess.run(command, capture_output=True, check=True, env=environment)
                found[way] = json.loads(output.stdout)
            assert found["arrays"]["rows"] == found["stream"]["rows"]
            ratios.append(found["stream"]["samples"] / found["arrays"]["samples"])
            growths.append(found["stream"]["growth"])
            arrows.append(found["stream"]["arrow"])
            print(
                f"pair {pair}: {found['arrays']['samples']:,.0f} samples/s from arrays, "
                f"{found['stream']['samples']:,.0f} from the stream, ratio {ratios[-1]:.3f}; "
                f"memory {growths[-1]:+.0f} MiB ({arrows[-1]:.0f} of Arrow's), limit {args.memory}",
                flush=True,
            )
    print(
        f"{args.storage}: {rows:,} rows, {args.times * args.memory} MiB: ratio, "
        f"median of {args.pairs} pairs {statistics.median(ratios):.3f} "
        f"({min(ratios):.3f} to {max(ratios):.3f}); "
        f"most memory {max(growths):+.0f} MiB of {args.memory}"
    )


if __name__ == "__main__":
    main()
