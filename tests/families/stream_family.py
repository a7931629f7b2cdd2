"""The contract family of streams: a small network on Parquet rows, by any number of workers."""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import torch
from pydantic import Field
from torch import nn

from distrib.data.streams.parquet_set import ParquetSet, open_set
from distrib.data.streams.parquet_set_arrays import dense
from distrib.data.streams.stream import Rows, Stream
from distrib.trainables.base import Config, Fidelity, Metric, Source, Worker
from distrib.trainables.training.family import Batch, TorchTrainable, Use

INPUTS = 4


class NetConfig(Config):
    """A network of one hidden layer."""

    epochs: int = Field(4, ge=1, description="passes over the rows")
    held_out: float = Field(0.25, gt=0, lt=1, description="share of the rows validated on")
    split_seed: int = Field(0, ge=0, description="which rows those are, the same for all trials")
    hidden: int = Field(8, ge=1, description="hidden units")
    learning_rate: float = Field(0.05, gt=0, description="of plain gradient descent")
    batch: int = Field(32, ge=1, description="rows of a step, over all workers")
    pause: float = Field(0.0, ge=0, description="seconds of sleep a step")
    until: str = Field("", description="a file at whose coming nothing sleeps any more")


class Net(TorchTrainable[NetConfig, Source, ParquetSet]):
    """Least squares on streamed rows."""

    Config = NetConfig
    metrics = (Metric("mse", "min"),)
    fidelity = Fidelity("epoch", "epochs")
    chance_every = -1.0  # every step, so that a test can stop anywhere

    def load(self, source: Source, *, targets: bool = True) -> ParquetSet:
        return open_set(str(source.path), ["x", "y"] if targets else ["x"])

    def build(self, config: NetConfig, values: Mapping[str, Any]) -> nn.Module:
        return nn.Sequential(
            nn.Linear(INPUTS, config.hidden), nn.Tanh(), nn.Linear(config.hidden, 1)
        )

    def batching(self, config: NetConfig) -> Rows:
        return Rows(config.batch)

    def optimizer(self, config: NetConfig, model: nn.Module) -> torch.optim.Optimizer:
        print("trains a network")
        return torch.optim.SGD(model.parameters(), config.learning_rate, momentum=0.5)

    def collate(
        self, config: NetConfig, values: Mapping[str, Any], rows: pa.Table, use: Use
    ) -> Batch:
        names = [name for name in ("x", "y") if name in rows.schema.names]
        return Batch({name: dense(rows, name) for name in names}, count=rows.num_rows)

    def losses(self, config: NetConfig, model: Any, inputs: dict[str, Any]) -> torch.Tensor:
        if model.training and not (config.until and Path(config.until).exists()):
            time.sleep(config.pause)
        return (model(inputs["x"])[:, 0] - inputs["y"]).square()

    def sums(self, config: NetConfig, model: nn.Module, inputs: dict[str, Any]) -> dict[str, Any]:
        losses = self.losses(config, model, inputs)
        return {"squares": losses.sum(), "rows": len(losses)}

    def figures(self, config: NetConfig, sums: dict[str, Any]) -> dict[str, float]:
        return {"mse": float(sums["squares"] / sums["rows"])}

    def apply(self, config: NetConfig, model: nn.Module, inputs: dict[str, Any]) -> pd.DataFrame:
        return pd.DataFrame({"y": model(inputs["x"])[:, 0].float().cpu().numpy()})

    def baselines(
        self, config: NetConfig, data: ParquetSet, test: ParquetSet | None, worker: Worker
    ) -> dict[str, dict[str, float]]:
        y = [dense(step.table, "y") for step in Stream(data, Rows(1024)).epoch(0)]
        return {"mean": {"mse": float(np.var(np.concatenate(y)))}}

    def example(self, folder: Path) -> None:
        write_rows(folder, rows=400)


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
