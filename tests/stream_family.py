"""The contract family of streams: a small network on Parquet rows, by any number of workers."""

from __future__ import annotations

import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from pydantic import Field

from distrib.data.parquet_set import ParquetSet, open_set
from distrib.data.parquet_set_arrays import dense
from distrib.data.stream import Rows, Step, Stream
from distrib.trainables.base import (
    Config,
    Fidelity,
    Metric,
    Progress,
    Source,
    State,
    Trainable,
    Worker,
)
from distrib.trainables.parallel import in_step

INPUTS = 4


class NetConfig(Config):
    """A network of one hidden layer."""

    hidden: int = Field(8, ge=1, description="hidden units")
    learning_rate: float = Field(0.05, gt=0, description="of plain gradient descent")
    batch: int = Field(32, ge=1, description="rows of a step, over all workers")
    epochs: int = Field(4, ge=1, description="passes over the rows")
    pause: float = Field(0.0, ge=0, description="seconds of sleep a step")
    speaks: bool = Field(False, description="whether it says how many train together")


class Net(Trainable[NetConfig, Source, ParquetSet]):
    """Least squares on streamed rows; every step is a chance to save or to stop."""

    Config = NetConfig
    metrics = (Metric("mse", "min"),)
    fidelity = Fidelity("epoch", "epochs")
    framework = "torch"
    max_workers = 8

    def load(self, source: Source, *, targets: bool = True) -> ParquetSet:
        return open_set(str(source.path), ["x", "y"] if targets else ["x"])

    def set_aside(
        self, data: ParquetSet, fraction: float, seed: int
    ) -> tuple[ParquetSet, ParquetSet | None]:
        return data.split(fraction, seed) if fraction else (data, None)

    def count(self, data: ParquetSet) -> int:
        return data.count()

    def check(self, config: NetConfig, data: ParquetSet, num_workers: int = 1) -> None:
        shared(data, config, Worker(world_size=num_workers), seed=0)

    def progress(
        self, config: NetConfig, data: ParquetSet, worker: Worker, state: State | None = None
    ) -> Iterator[Progress]:
        train, held_out = data.split(0.25, seed=7)
        return self.fit(config, train, held_out, worker, config.epochs, state)

    def refit(
        self,
        config: NetConfig,
        data: ParquetSet,
        worker: Worker,
        units: int | None,
        state: State | None = None,
    ) -> Iterator[Progress]:
        return self.fit(config, data, None, worker, units or config.epochs, state)

    def fit(
        self,
        config: NetConfig,
        data: ParquetSet,
        held_out: ParquetSet | None,
        worker: Worker,
        epochs: int,
        state: State | None,
    ) -> Iterator[Progress]:
        import torch

        if config.speaks:
            print(f"trains in a group of {worker.world_size}")
        net = build(config, state)
        model = worker.wrap(net)
        optimizer = torch.optim.SGD(net.parameters(), config.learning_rate)
        stream = shared(data, config, worker, seed=config.seed)
        start = np.zeros((stream.num_lanes, 2), dtype=np.int64)
        position = state.arrays["position"] if state else start
        for epoch in range(state.values["epoch"] if state else 0, epochs):
            mine = stream.share(position)
            steps = ((step, step.table.num_rows) for step in stream.epoch(epoch, position))
            for step, rows in in_step(steps, worker):
                x, y = tensors(step)
                loss = (model(x)[:, 0] - y).square().sum() * (worker.world_size / rows)
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
                time.sleep(config.pause)
                mine = step.position if step else mine
                yield Progress(epoch, partial(capture, net, epoch, mine, worker))
            position = start
            metrics = {"mse": mse(net, held_out, config, worker)} if held_out else None
            state_of = partial(capture, net, epoch + 1, stream.share(start), worker)
            yield Progress(epoch + 1, state_of, metrics)

    def predict(
        self, config: NetConfig, state: State, data: ParquetSet, worker: Worker
    ) -> pd.DataFrame:
        net = build(config, state)
        x = np.concatenate([dense(s.table, "x") for s in shared(data, config, Worker()).epoch(0)])
        import torch

        with torch.no_grad():
            return pd.DataFrame({"id": np.arange(len(x)), "y": net(torch.from_numpy(x))[:, 0]})

    def evaluate(
        self, config: NetConfig, state: State, data: ParquetSet, worker: Worker
    ) -> dict[str, float]:
        return {"mse": mse(build(config, state), data, config, worker)}

    def baselines(
        self, config: NetConfig, data: ParquetSet, test: ParquetSet | None, worker: Worker
    ) -> dict[str, dict[str, float]]:
        tables = [step.table for step in shared(data, config, Worker()).epoch(0)]
        return {"mean": {"mse": float(np.var(np.concatenate([dense(t, "y") for t in tables])))}}

    def example(self, folder: Path) -> None:
        write_rows(folder, rows=400)


def build(config: NetConfig, state: State | None) -> Any:
    """The network, from the seed or as it was."""
    import torch
    from torch import nn

    torch.manual_seed(config.seed)
    net = nn.Sequential(nn.Linear(INPUTS, config.hidden), nn.Tanh(), nn.Linear(config.hidden, 1))
    if state is not None:
        arrays = {k: a for k, a in state.arrays.items() if k != "position"}
        net.load_state_dict({k: torch.from_numpy(np.array(a)) for k, a in arrays.items()})
    return net


def shared(data: ParquetSet, config: NetConfig, worker: Worker, seed: int | None = None) -> Stream:
    """This worker's stream; in the order of the files without a seed."""
    lanes = 8 if seed is not None or worker.world_size > 1 else 1
    return Stream(data, Rows(config.batch), seed, lanes, rank=worker.rank,
                  world_size=worker.world_size)  # fmt: skip


def tensors(step: Step | None) -> tuple[Any, Any]:
    """(rows, inputs) and (rows,); no rows where there is no step."""
    import torch

    if step is None:
        return torch.zeros(0, INPUTS), torch.zeros(0)
    return tuple(torch.from_numpy(dense(step.table, name)) for name in ("x", "y"))


def mse(net: Any, data: ParquetSet, config: NetConfig, worker: Worker) -> float:
    """Mean squared error over the rows of all workers."""
    import torch

    total = np.zeros(2)
    with torch.no_grad():
        for step in shared(data, config, worker).epoch(0):
            x, y = tensors(step)
            total += float((net(x)[:, 0] - y).square().sum()), len(y)
    error, rows = worker.sum(total)
    return float(error / rows)


def capture(net: Any, epoch: int, mine: np.ndarray, worker: Worker) -> State:
    """Weights, and where the stream stands over all workers."""
    weights = {name: t.numpy().copy() for name, t in net.state_dict().items()}
    return State({**weights, "position": worker.sum(mine)}, {"epoch": epoch})


def write_rows(folder: Path, rows: int, files: int = 4, seed: int = 0) -> None:
    """A set of `files` files with row groups of 20 rows: y is a smooth function of x, and noise."""
    generator = np.random.default_rng(seed)
    x = generator.standard_normal((rows, INPUTS)).astype(np.float32)
    y = (np.sin(x[:, 0]) + x[:, 1] * x[:, 2] / 2).astype(np.float32)
    y += 0.1 * generator.standard_normal(rows).astype(np.float32)
    for number, part in enumerate(np.array_split(np.arange(rows), files)):
        lists = pa.FixedSizeListArray.from_arrays(x[part].reshape(-1), INPUTS)
        table = pa.table({"x": lists, "y": y[part]})
        name = f"part-{number:05d}-of-{files:05d}.parquet"
        pq.write_table(table, folder / name, row_group_size=20)
