"""What torch families share that train one network on rows, of arrays or of a stream.

A family says how rows become a batch, what their losses are and how a network is judged; the loop,
the order of the rows, the split, the sums over the workers and what a state holds are here.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar

import numpy as np
import pandas as pd

from distrib.data.streams.parquet_set import ParquetSet
from distrib.data.streams.stream_batches import Rows, Tokens
from distrib.errors import InputError
from distrib.trainables.base import Config, Data, Progress, Source, State, Trainable, Worker
from distrib.trainables.capabilities import ChecksTraining, NamesRows, PartitionsData
from distrib.trainables.training.batches import LANES, Batches, batches_of
from distrib.trainables.training.config import Initialized, Recipe, Switches
from distrib.trainables.training.device import autocast, load_model
from distrib.trainables.training.initial_weights import begin_with
from distrib.trainables.training.loop import CHANCE_EVERY, train
from distrib.trainables.training.parts import count, is_empty, parted
from distrib.trainables.training.switches import compile_network, recompute
from distrib.trainables.training.task import Batch, TorchTask, Use
from distrib.trainables.training_rows import remember, remember_in_models

if TYPE_CHECKING:
    from torch import Tensor, nn
    from torch.optim import Optimizer

C = TypeVar("C", bound=Config)
S = TypeVar("S", bound=Source)
D = TypeVar("D", bound=Data)

HELD_OUT, SPLIT_SEED = 0.1, 0
"""Where a configuration does not say what is held out."""


class TorchTraining(Trainable[C, S, D], PartitionsData[D], ChecksTraining[C, D]):
    """A network on rows, in arrays (see `base.Rows`) or streamed (`ParquetSet`).

    Data may say by themselves what is validated and tested on: arrays by an attribute `split` (see
    `distrib.data.files.split_words.split_words`), a stream by a column of that name.

    Attributes:
        split_by: the column of a stream whose values are never parted between training and what is
            held out; None: rows are.
        no_decay: no weight decay for biases, norms and what else has fewer than two dimensions.
        chance_every: seconds between chances to save or stop amid an epoch.
    """

    framework = "torch"
    devices = ("cpu", "cuda")
    precisions = ("float32", "bfloat16")
    max_workers = LANES
    refits: ClassVar[bool | None] = True
    split_by: ClassVar[str | None] = None
    no_decay: ClassVar[bool] = False
    chance_every: ClassVar[float] = CHANCE_EVERY

    @abstractmethod
    def build(self, config: C, values: Mapping[str, Any]) -> nn.Module:
        """The network, drawn from torch's global numbers, which the seed has set.

        Args:
            values: those of the rows that it is, or was, trained on.
        """

    @abstractmethod
    def batching(self, config: C) -> Rows | Tokens:
        """The batch of a step, of all workers together."""

    @abstractmethod
    def collate(self, config: C, values: Mapping[str, Any], rows: Any, use: Use) -> Batch:
        """Rows (data taken from arrays, or a table), at least one, made ready for the network."""

    @abstractmethod
    def losses(self, config: C, model: Any, inputs: dict[str, Any]) -> Tensor:
        """Losses of a batch, which are summed and divided by the `count` of the whole step.

        Args:
            model: perhaps wrapped: to be called, not to be looked into.
            inputs: of the batch, on the network's device.
        """

    @abstractmethod
    def judge(
        self, config: C, model: nn.Module, data: D, values: Mapping[str, Any], worker: Worker
    ) -> dict[str, float]:
        """Every metric of a network on rows, over those of all workers."""

    def task(
        self,
        config: C,
        model: nn.Module,
        values: dict[str, Any],
        batches: Batches,
        held_out: D | None,
        worker: Worker,
    ) -> TorchTask:
        """What the loop sees of a training: another where something changes with the epochs."""
        return TorchTask(self, config, model, values, batches, held_out, worker)

    def tables(
        self, config: C, model: nn.Module, held_out: D, values: Mapping[str, Any], worker: Worker
    ) -> dict[str, pd.DataFrame]:
        """Tables that are worth a look after every epoch, by name: small ones, they are all kept.

        Made by rank 0 alone. Torch's global numbers are those of the seed and the epoch.

        Args:
            model: in eval mode, without gradients. held_out: the rows validated on, of all workers.
        """
        return {}

    def check_rows(self, config: C, data: D, values: Mapping[str, Any] | None = None) -> None:
        """Raise `InputError` where some rows are none for such a network, such as too long ones.

        Args:
            data: in memory; of a stream, rows are asked as they come.
            values: of a finished network, before it is given them; None: before a training.
        """

    def keys(self, foreign: Mapping[str, Any]) -> Mapping[str, Any]:
        """The network's weights by its own names, out of someone else's file (see `init`)."""
        return foreign

    def sizes(self, weights: Mapping[str, Any]) -> Mapping[str, int]:
        """Of a network by its weights, as a configuration calls them, for who begins with others'.

        What cannot be told from these weights is left out.
        """
        return {}

    def blocks(self, model: nn.Module) -> Sequence[nn.Module]:
        """The parts of the network whose activations `checkpoint_activations` does not keep."""
        return ()

    def values(self, config: C, data: D) -> dict[str, Any]:
        """Plain values of the rows trained on that `build` needs or a user should know."""
        return {}

    def lengths(self, config: C, data: D) -> np.ndarray:
        """(rows,) tokens of each row of arrays, for batches of tokens."""
        raise NotImplementedError(f"{type(self).__name__} has batches of tokens but no lengths")

    def optimizer(self, config: C, model: nn.Module) -> Optimizer:
        """Of the network's parameters; its learning rates are the peaks of the schedule."""
        from distrib.models.training.optimizers import make_optimizer

        recipe = self.recipe(config)
        return make_optimizer(
            model,
            recipe.optimizer,
            recipe.learning_rate,
            recipe.weight_decay,
            no_decay=self.no_decay,
        )

    def recipe(self, config: C) -> Recipe:
        """How it is trained."""
        return Recipe.of(config, self.metrics, no_decay=self.no_decay)

    def split(self, config: C, data: D) -> tuple[D, D]:
        """The rows to train on and those to validate on."""
        fraction = getattr(config, "held_out", HELD_OUT)
        seed = getattr(config, "split_seed", SPLIT_SEED)
        return parted(data, "validation", fraction, seed, self.split_by)

    def set_aside(self, data: D, fraction: float, seed: int) -> tuple[D, D | None]:
        """The test rows that the data name; else by group, of a stream by hash."""
        rest, test = parted(data, "test", fraction, seed, self.split_by)
        return (data, None) if is_empty(test) else (rest, test)

    def count(self, data: D) -> int:
        """Rows."""
        return count(data)

    def check(self, config: C, data: D, num_workers: int = 1) -> None:
        """There are shards for so many workers, columns for such batches, and rows in each part."""
        self.check_rows(config, data)
        self._batches(config, data, Worker(world_size=num_workers), seed=0)
        parts = self.split(config, data)
        for name, part in zip(("training", "validation"), parts):
            if is_empty(part):
                of = f"values of {self.split_by!r}" if self.split_by else "rows"
                share = getattr(config, "held_out", HELD_OUT)
                raise InputError(
                    f"the {name} part has no rows",
                    file=getattr(data, "folder", None),
                    where="held_out",
                    found=f"{share:g} of the {of} held out, too few to fall into both",
                    expected=f"more {of}, or another share or split_seed",
                )
        begins = isinstance(config, Initialized) and config.init is not None
        if begins or (isinstance(config, Switches) and config.checkpoint_activations):
            self._fresh(config, self.values(config, parts[0]), Worker(), begins=True)

    def progress(
        self, config: C, data: D, worker: Worker, state: State | None = None
    ) -> Iterator[Progress]:
        """Train on a part of the rows; each epoch is judged on the others."""
        rest, held_out = self.split(config, data)
        items = self._train(config, rest, held_out, worker, None, state)
        return (
            remember_in_models(items, self.row_ids(data)) if isinstance(self, NamesRows) else items
        )

    def refit(
        self,
        config: C,
        data: D,
        worker: Worker,
        budget: int | None,
        state: State | None = None,
    ) -> Iterator[Progress]:
        """Train on all of the rows, for `budget` epochs of the schedule of `config.epochs`."""
        items = self._train(config, data, None, worker, budget, state)
        return remember(items, self.row_ids(data)) if isinstance(self, NamesRows) else items

    def evaluate(self, config: C, state: State, data: D, worker: Worker) -> dict[str, float]:
        """Every metric, over the rows of all workers."""
        self.check_rows(config, data, state.values)
        model = self._restored(config, state.values, state, worker)
        return self.judge(config, model, data, state.values, worker)

    def _train(
        self,
        config: C,
        data: D,
        held_out: D | None,
        worker: Worker,
        budget: int | None,
        state: State | None,
    ) -> Iterator[Progress]:
        values = self.values(config, data)
        model = self._fresh(config, values, worker, begins=state is None)
        if isinstance(config, Switches) and config.compile:
            compile_network(model)
        batches = self._batches(config, data, worker, seed=config.seed)
        task = self.task(config, model, values, batches, held_out, worker)
        items: Iterator[Progress] = train(
            task,
            self.recipe(config),
            worker,
            budget=budget,
            state=state,
            optimizer=lambda model: self.optimizer(config, model),
            chance_every=self.chance_every,
        )
        items = (task.told(item) for item in items)
        if held_out is None or type(self).tables is TorchTraining.tables:
            return items
        alone = Worker(device=worker.device, threads=worker.threads, precision=worker.precision)
        draw = partial(self._tables, config, model, held_out, values, alone)
        return (
            item if item.metrics is None else replace(item, samples=partial(draw, item.fidelity))
            for item in items
        )

    def _tables(
        self,
        config: C,
        model: nn.Module,
        held_out: D,
        values: Mapping[str, Any],
        worker: Worker,
        unit: int,
    ) -> Mapping[str, pd.DataFrame]:
        import torch

        model.eval()
        with torch.random.fork_rng(devices=[]), torch.inference_mode(), autocast(worker):
            Use("validate", np.random.SeedSequence([config.seed, unit])).seed_torch()
            return self.tables(config, model, held_out, values, worker)

    def _fresh(
        self, config: C, values: Mapping[str, Any], worker: Worker, *, begins: bool
    ) -> nn.Module:
        """The network to be trained, with the weights of `init` where it begins."""
        model = self._restored(config, values, None, worker)
        if begins and isinstance(config, Initialized) and config.init is not None:
            begin_with(model, config.init, self.keys, self.sizes)
        if isinstance(config, Switches) and config.checkpoint_activations:
            if not (blocks := self.blocks(model)):
                raise InputError(
                    "this family names no parts of its network to compute again",
                    where="checkpoint_activations",
                    found=True,
                    expected="false",
                )
            recompute(blocks)
        return model

    def _batches(self, config: C, data: D, worker: Worker, seed: int | None = None) -> Batches:
        batch = self.batching(config)
        of_tokens = isinstance(batch, Tokens) and not isinstance(data, ParquetSet)
        lengths = self.lengths(config, data) if of_tokens else None
        return batches_of(data, batch, worker, seed=seed, lengths=lengths)

    def _restored(
        self, config: C, values: Mapping[str, Any], state: State | None, worker: Worker
    ) -> nn.Module:
        """The network on the worker's device, from the seed or as it was."""
        import torch

        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(config.seed)
            model = self.build(config, values)
        if state is not None:
            load_model(model, state)
        return model.to(worker.device)
