"""The training loop of the torch families, written once.

Mixed precision, gradient clipping and accumulation, learning rate schedules, early stopping, and
the state from which a training goes on exactly. A family says what its batches and losses are.
"""

from __future__ import annotations

import time
import warnings
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from distrib.models.training.schedules import Plateau, Schedule, factor
from distrib.trainables.base import Metric, Progress, State, Worker

if TYPE_CHECKING:
    from torch import Tensor, nn

CHANCE_EVERY = 10.0
"""Seconds of work after which a block's end is offered as a chance to save or stop."""

_PLACE = ("epoch", "block", "batch", "waited")


@dataclass(frozen=True)
class Recipe:
    """How to train.

    Attributes:
        epochs: length of the schedule, and of the training unless it is cut.
        warmup: fraction of the steps in which the learning rate rises.
        clip_norm: greatest length of a replica's gradient; 0 leaves it.
        accumulate: batches whose gradients are averaged before a step.
        patience: epochs without a better `monitor` after which the training stops; 0 never stops.
        monitor: the metrics that may be watched, in order.
    """

    epochs: int
    learning_rate: float
    weight_decay: float
    schedule: Schedule
    warmup: float = 0.0
    clip_norm: float = 0.0
    accumulate: int = 1
    patience: int = 0
    monitor: Sequence[Metric] = ()

    def watched(self, metrics: Mapping[str, float]) -> float | None:
        """What `patience` looks at, greater is better: the first of `monitor` that is known."""
        for metric in self.monitor if self.patience else ():
            if metric.name in metrics:
                return metrics[metric.name] * (1 if metric.direction == "max" else -1)
        return None


class Task(Protocol):
    """What a family gives the loop.

    An epoch consists of blocks, a block of batches. Everything random in a block must follow from
    (epoch, block) alone: then the end of any block is a place from which to go on.

    Attributes:
        model: on its device. replicas: models side by side in it, the leading axis of every
            parameter; 1 also for an ordinary model, without that axis.
        num_blocks: blocks an epoch. num_batches: batches an epoch.
        values: plain values that belong to the model, kept in its state.
    """

    model: Any
    replicas: int
    num_blocks: int
    num_batches: int
    values: dict[str, Any]

    def block(self, epoch: int, index: int) -> Iterable[Any]:
        """The batches of a block."""

    def losses(self, batch: Any) -> Tensor:
        """(replicas,) mean loss of a batch, to be minimised."""

    def validate(self) -> dict[str, float] | None:
        """Metrics on the rows held out, or None where none are."""


def autocast(worker: Worker) -> AbstractContextManager[Any]:
    """Matrix products in `worker.precision`; parameters and sums stay in float32."""
    import torch

    half = worker.precision == "bfloat16"
    return torch.autocast(worker.device, dtype=torch.bfloat16, enabled=half)


def shared_tensor(array: np.ndarray, worker: Worker) -> Tensor:
    """An array as a tensor, uncopied on a CPU even where it is read-only; never write to it."""
    import torch

    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="The given NumPy array is not writable")
        return torch.from_numpy(array).to(worker.device)


def load_model(model: nn.Module, state: State) -> None:
    """Give a model the weights and buffers of a state."""
    import torch

    arrays = {
        name.removeprefix("model."): torch.from_numpy(np.array(array))
        for name, array in state.arrays.items()
        if name.startswith("model.")
    }
    model.load_state_dict(arrays)


def train(
    task: Task,
    recipe: Recipe,
    worker: Worker,
    *,
    units: int | None = None,
    state: State | None = None,
) -> Iterator[Progress]:
    """Train, an item an epoch, and one at a block's end after every `CHANCE_EVERY` seconds.

    The last item's state lacks the optimiser's memory: there is nothing left to go on with.

    Args:
        units: epochs after which to end, with the schedule of `recipe.epochs`; None: all of them.
        state: of an earlier item of the same training.
    """
    loop = _Loop(task, recipe, worker, recipe.epochs if units is None else units)
    if state is not None:
        loop.restore(state)
    yield from loop.run()


class _Loop:
    """One training under way; `epoch`, `block` and `batch` of the epoch are the next to be done."""

    def __init__(self, task: Task, recipe: Recipe, worker: Worker, units: int) -> None:
        import torch

        from distrib.models.training.adamw import AdamW

        torch.set_num_threads(worker.threads)
        self.task, self.recipe, self.worker = task, recipe, worker
        self.units = min(units, recipe.epochs)
        self.epoch = self.block = self.batch = 0
        self.parameters = [p for p in task.model.parameters() if p.requires_grad]
        self.plateau = Plateau(task.replicas)
        self.loss_sum = torch.zeros(task.replicas, device=worker.device)
        self.best, self.waited = -np.inf, 0
        self.optimizer = AdamW(self.parameters, recipe.weight_decay)

    def run(self) -> Iterator[Progress]:
        offered = time.monotonic()
        while not self.done():
            self.train_block()
            self.block += 1
            if self.block == self.task.num_blocks:
                yield self.end_epoch()
                offered = time.monotonic()
            # Amid an accumulation there is a gradient that the state would lack.
            elif (
                self.batch % self.recipe.accumulate == 0
                and time.monotonic() - offered > CHANCE_EVERY
            ):
                yield Progress(self.epoch, self.capture)
                offered = time.monotonic()

    def done(self) -> bool:
        return self.epoch >= self.units or 0 < self.recipe.patience <= self.waited

    def train_block(self) -> None:
        recipe, task = self.recipe, self.task
        task.model.train()
        for batch in task.block(self.epoch, self.block):
            begun = self.batch - self.batch % recipe.accumulate
            together = min(recipe.accumulate, task.num_batches - begun)
            with autocast(self.worker):
                losses = task.losses(batch)
            (losses.sum() / together).backward()
            self.loss_sum += losses.detach()
            self.batch += 1
            if self.batch == begun + together:
                self.step()

    def step(self) -> None:
        import torch

        from distrib.models.training.replicas import clip_gradients, shorten_step

        recipe, batches = self.recipe, self.task.num_batches
        if recipe.clip_norm > 0:
            clip_gradients(self.parameters, recipe.clip_norm, self.task.replicas)
        done = self.epoch * batches + self.batch - 1
        learning_rate = recipe.learning_rate * factor(
            recipe.schedule, done, recipe.epochs * batches, recipe.warmup
        )
        plateau = recipe.schedule == "plateau"
        before = [p.detach().clone() for p in self.parameters] if plateau else []
        self.optimizer.step(learning_rate)
        if plateau:
            parts = torch.from_numpy(self.plateau.factor).to(self.worker.device)
            shorten_step(self.parameters, before, parts)

    def end_epoch(self) -> Progress:
        losses = self.loss_sum.cpu().double().numpy() / self.task.num_batches
        self.loss_sum.zero_()
        if self.recipe.schedule == "plateau":
            self.plateau.update(losses)
        self.epoch, self.block, self.batch = self.epoch + 1, 0, 0
        self.task.model.eval()
        with autocast(self.worker):
            metrics = self.task.validate()
        if metrics is not None and (value := self.recipe.watched(metrics)) is not None:
            self.best, self.waited = (
                (value, 0) if value > self.best else (self.best, self.waited + 1)
            )
        return Progress(self.epoch, self.capture, metrics, {"loss": float(losses.mean())})

    def capture(self) -> State:
        tensors = {f"model.{name}": t for name, t in self.task.model.state_dict().items()}
        if not self.done():
            tensors["loop.loss_sum"] = self.loss_sum
            tensors |= {f"optimizer.{name}": t for name, t in self.optimizer.tensors().items()}
        arrays = {name: t.detach().cpu().numpy().copy() for name, t in tensors.items()}
        arrays |= {f"plateau.{name}": a.copy() for name, a in self.plateau.arrays().items()}
        arrays["loop.best"] = np.array([self.best])
        place = {name: getattr(self, name) for name in _PLACE}
        return State(arrays, {**place, **self.task.values})

    def restore(self, state: State) -> None:
        import torch

        load_model(self.task.model, state)
        for name in _PLACE:
            setattr(self, name, state.values[name])
        parts: dict[str, dict[str, np.ndarray]] = {}
        for name, array in state.arrays.items():
            part, _, rest = name.partition(".")
            parts.setdefault(part, {})[rest] = np.array(array)
        self.plateau.restore(parts["plateau"])
        self.best = float(parts["loop"]["best"][0])
        if not self.done():
            self.loss_sum.copy_(torch.from_numpy(parts["loop"]["loss_sum"]))
            self.optimizer.restore(parts["optimizer"])
