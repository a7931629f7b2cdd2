"""What families share that train a torch network on the rows of a Parquet set, by any workers.

A family says what a row costs and how rows are judged; the loop, the order of the rows, the sums
over the workers and what a checkpoint holds are here. Every step is a chance to save or to stop.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar

import numpy as np
import pandas as pd
import pyarrow as pa
from pydantic import Field

from distrib.data.streams.parquet_set import ParquetSet, open_set
from distrib.data.streams.stream import Stream
from distrib.data.streams.stream_batches import Rows, Tokens
from distrib.errors import InputError
from distrib.trainables.base import Config, Progress, Source, State, Trainable, Worker
from distrib.trainables.capabilities import ChecksTraining, PartitionsData
from distrib.trainables.training.data_parallel import in_step
from distrib.trainables.training.loop import autocast, load_model

if TYPE_CHECKING:
    from torch import Tensor, nn
    from torch.optim import Optimizer

LANES = 8
"""Of a shuffled stream, and so the most workers."""


class StreamConfig(Config):
    """How long is trained, and on what is validated."""

    epochs: int = Field(4, ge=1, description="passes over the rows")
    held_out: float = Field(0.25, gt=0, lt=1, description="share of the rows validated on")
    split_seed: int = Field(0, ge=0, description="which rows those are, the same for all trials")


C = TypeVar("C", bound=StreamConfig)


class StreamTrainable(
    Trainable[C, Source, ParquetSet], PartitionsData[ParquetSet], ChecksTraining[C, ParquetSet]
):
    """A family that trains on streamed rows.

    Attributes:
        inputs, targets: names of the columns that are read.
        split_by: the column whose values are never parted between training and what is held out;
            None: rows are.
    """

    framework = "torch"
    devices = ("cpu", "cuda")
    precisions = ("float32", "bfloat16")
    max_workers = LANES
    inputs: ClassVar[Sequence[str]]
    targets: ClassVar[Sequence[str]]
    split_by: ClassVar[str | None] = None

    @abstractmethod
    def build(self, config: C) -> nn.Module:
        """The network, drawn from torch's global numbers, which the seed has set."""

    @abstractmethod
    def batch(self, config: C) -> Rows | Tokens:
        """The batch of a step, of all workers together."""

    @abstractmethod
    def optimizer(self, config: C, model: nn.Module) -> Optimizer:
        """Of the network's parameters."""

    @abstractmethod
    def losses(self, config: C, model: Any, table: pa.Table, worker: Worker) -> Tensor:
        """(rows,) what is minimised, their mean over the step; the table may be without rows.

        The network is on the worker's device, where `torch_loop.shared_tensor` puts an array.
        """

    @abstractmethod
    def sums(self, config: C, model: nn.Module, table: pa.Table, worker: Worker) -> np.ndarray:
        """(k,) what is added up over rows, and over workers, to judge a network."""

    @abstractmethod
    def figures(self, sums: np.ndarray) -> dict[str, float]:
        """Every metric of such sums."""

    @abstractmethod
    def apply(self, config: C, model: nn.Module, table: pa.Table, worker: Worker) -> pd.DataFrame:
        """Predictions for the rows of a table; without a column `id`, their place is put first."""

    def load(self, source: Source, *, targets: bool = True) -> ParquetSet:
        """The plan of a folder of Parquet files; no row is read."""
        columns = [*self.inputs, *(self.targets if targets else ())]
        return open_set(str(source.path), list(columns))

    def set_aside(
        self, data: ParquetSet, fraction: float, seed: int
    ) -> tuple[ParquetSet, ParquetSet | None]:
        """By hash of `split_by`, or of the row's place."""
        return data.split(fraction, seed, by=self.split_by) if fraction else (data, None)

    def count(self, data: ParquetSet) -> int:
        """Rows."""
        return data.count()

    def check(self, config: C, data: ParquetSet, num_workers: int = 1) -> None:
        """There are shards for so many workers, columns for such batches, and rows in each part."""
        self._stream(config, data, Worker(world_size=num_workers), seed=0)
        parts = data.split(config.held_out, config.split_seed, by=self.split_by)
        for name, part in zip(("training", "validation"), parts):
            if part.is_empty():
                of = f"values of {self.split_by!r}" if self.split_by else "rows"
                raise InputError(
                    f"the {name} part has no rows",
                    file=data.folder,
                    where="held_out",
                    found=f"{config.held_out:g} of the {of} held out, too few to fall into both",
                    expected=f"more {of}, or another share or split_seed",
                )

    def progress(
        self, config: C, data: ParquetSet, worker: Worker, state: State | None = None
    ) -> Iterator[Progress]:
        """Train on a part of the rows; each epoch is judged on the others."""
        train, held_out = data.split(config.held_out, config.split_seed, by=self.split_by)
        return self._train(config, train, held_out, worker, config.epochs, state)

    def refit(
        self,
        config: C,
        data: ParquetSet,
        worker: Worker,
        budget: int | None,
        state: State | None = None,
    ) -> Iterator[Progress]:
        """Train on all of the rows."""
        return self._train(config, data, None, worker, budget or config.epochs, state)

    def predict(self, config: C, state: State, data: ParquetSet, worker: Worker) -> pd.DataFrame:
        """A row per row, in the order of the files."""
        model = self._restored(config, state, worker)
        steps = self._stream(config, data, Worker()).epoch(0)
        with autocast(worker):
            frames = [self.apply(config, model, t, worker) for step in steps for t in step.tables]
        frame = pd.concat(frames, ignore_index=True)
        if "id" not in frame:
            frame.insert(0, "id", np.arange(len(frame)))
        return frame

    def evaluate(
        self, config: C, state: State, data: ParquetSet, worker: Worker
    ) -> dict[str, float]:
        """Every metric, over the rows of all workers."""
        return self._judge(config, self._restored(config, state, worker), data, worker)

    def _train(
        self,
        config: C,
        data: ParquetSet,
        held_out: ParquetSet | None,
        worker: Worker,
        epochs: int,
        state: State | None,
    ) -> Iterator[Progress]:
        net = self._restored(config, state, worker)
        model = worker.wrap(net)
        optimizer = self.optimizer(config, net)
        stream = self._stream(config, data, worker, seed=config.seed)
        start = np.zeros((stream.num_lanes, 2), dtype=np.int64)
        position, begun = start, 0
        if state is not None:
            position, begun = state.arrays["position"], state.values["epoch"]
            _remember(optimizer, state.arrays)
        for epoch in range(begun, epochs):
            net.train()
            mine = stream.share(position)
            steps = ((step, step.rows) for step in stream.epoch(epoch, position))
            for step, rows in in_step(steps, worker):
                _seed(config.seed, epoch, worker.rank, mine)
                # A worker without rows takes part in the step all the same.
                tables = step.tables if step else [data.schema.empty_table()]
                with autocast(worker):
                    losses = [self.losses(config, model, t, worker).sum() for t in tables]
                optimizer.zero_grad()
                (sum(losses[1:], losses[0]) * (worker.world_size / rows)).backward()
                optimizer.step()
                mine = step.position if step else mine
                yield Progress(epoch, partial(_capture, net, optimizer, epoch, mine, worker))
            position = start
            metrics = None if held_out is None else self._judge(config, net, held_out, worker)
            after = partial(_capture, net, optimizer, epoch + 1, stream.share(start), worker)
            yield Progress(epoch + 1, after, metrics)

    def _judge(
        self, config: C, net: nn.Module, data: ParquetSet, worker: Worker
    ) -> dict[str, float]:
        import torch

        net.eval()
        with torch.inference_mode(), autocast(worker):
            # A worker whose lanes are empty still has a sum, of nothing.
            total = self.sums(config, net, data.schema.empty_table(), worker)
            for step in self._stream(config, data, worker).epoch(0):
                for table in step.tables:
                    total = total + self.sums(config, net, table, worker)
        return self.figures(worker.sum(total))

    def _stream(
        self, config: C, data: ParquetSet, worker: Worker, seed: int | None = None
    ) -> Stream:
        """This worker's; in the order of the files without a seed."""
        lanes = LANES if seed is not None or worker.world_size > 1 else 1
        return Stream(
            data,
            self.batch(config),
            seed,
            lanes,
            rank=worker.rank,
            world_size=worker.world_size,
        )

    def _restored(self, config: C, state: State | None, worker: Worker) -> nn.Module:
        """The network on the worker's device, from the seed or as it was."""
        import torch

        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(config.seed)
            net = self.build(config)
        if state is not None:
            load_model(net, state)
        return net.to(worker.device)


def _seed(seed: int, epoch: int, rank: int, position: np.ndarray) -> None:
    """Dropout follows from where a worker stands, so that a training goes on exactly."""
    import torch

    words = np.random.SeedSequence([seed, epoch, rank, *position.ravel().tolist()])
    torch.manual_seed(int(words.generate_state(1)[0]))


def _capture(
    net: nn.Module, optimizer: Optimizer, epoch: int, mine: np.ndarray, worker: Worker
) -> State:
    """Weights, the optimiser's memory, and where the stream stands over all workers."""
    tensors = {f"model.{name}": tensor for name, tensor in net.state_dict().items()}
    for number, memory in optimizer.state_dict()["state"].items():
        tensors |= {
            f"optimizer.{number}.{name}": value
            for name, value in memory.items()
            if value is not None
        }
    arrays = {name: tensor.detach().cpu().numpy().copy() for name, tensor in tensors.items()}
    return State({**arrays, "position": worker.sum(mine)}, {"epoch": epoch})


def _remember(optimizer: Optimizer, arrays: Mapping[str, np.ndarray]) -> None:
    import torch

    memory: dict[int, dict[str, Any]] = {}
    for key, array in arrays.items():
        if key.startswith("optimizer."):
            _, number, name = key.split(".", 2)
            memory.setdefault(int(number), {})[name] = torch.from_numpy(np.array(array))
    whole = optimizer.state_dict()
    optimizer.load_state_dict({**whole, "state": memory})
