"""The training loop of the torch families, written once, for batches of arrays and of streams.

Data-parallel workers, mixed precision, gradient clipping and accumulation, learning rate schedules,
early stopping, and the state from which a training goes on exactly. A family says what its batches
and losses are.

Losses are sums. A step's gradient is that of the sum over all batches that it accumulates and all
workers, divided once by their count (rows, or tokens): however uneven the parts are, none weighs
more than it has. The workers speak once a step, before it: how much each has, and whether rank 0
finds that it is time for a chance to save or stop.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from distrib.models.training.schedules import Plateau, factor
from distrib.trainables.base import Progress, State, Worker
from distrib.trainables.training.config import Recipe
from distrib.trainables.training.device import autocast, load_model

if TYPE_CHECKING:
    from torch import Tensor, nn
    from torch.optim import Optimizer

CHANCE_EVERY = 10.0
"""Seconds of work after which a place to go on from is offered as a chance to save or stop."""


@dataclass(frozen=True)
class Item:
    """This worker's part of a batch.

    Attributes:
        batches: what `Task.losses` takes, one after the other; none where the part is empty.
        count: what the sum of the losses of all parts is divided by.
        amount: how much of an epoch this is, as the schedules count it (see `Task.amount`).
        place: where the task stands after it, zeros where other workers tell; None: amid something.
    """

    batches: Sequence[Any]
    count: float = 1.0
    amount: float = 1.0
    place: np.ndarray | None = None


class Task(Protocol):
    """What a family gives the loop.

    Everything random in an epoch after a place must follow from both alone: then that place is one
    from which to go on.

    Attributes:
        model: on its device. replicas: models side by side in it, the leading axis of every
            parameter; 1 also for an ordinary model, without that axis.
        amount: of an epoch, over all workers: batches, or rows. Asked for by few schedules only.
        start: the place at the beginning of an epoch.
        values: plain values that belong to the model, kept in its state.
    """

    model: Any
    replicas: int
    start: np.ndarray
    values: dict[str, Any]

    @property
    def amount(self) -> float: ...

    def epoch(self, epoch: int, place: np.ndarray) -> Iterator[Item]:
        """What is left of an epoch from a place on."""

    def losses(self, model: Any, batch: Any) -> Tensor:
        """(replicas,) or scalar, the sum of the losses of a batch, to be minimised.

        Args:
            model: `self.model`, perhaps wrapped: to be called, not to be looked into.
        """

    def share(self, place: np.ndarray) -> np.ndarray:
        """This worker's part of a place, such that those of all workers sum to it."""

    def idle(self) -> Any:
        """A batch for a worker without any: it takes part in the step, its losses times 0."""

    def validate(self) -> dict[str, float] | None:
        """Metrics on the rows held out, or None where none are."""

    def buffers(self, done: bool) -> Mapping[str, Tensor]:
        """What the training remembers beside the model, by name, for its state.

        Args:
            done: whether the training is over, and the state is the last.
        """

    def restore(self, buffers: Mapping[str, np.ndarray]) -> None:
        """Go on from what `buffers` gave."""


class Blocks:
    """A `Task` of one worker whose epochs are blocks of batches, with mean losses of a batch each.

    Everything random in a block must follow from (epoch, block): its end is a place to go on from.

    Attributes:
        num_blocks: blocks an epoch. num_batches: batches an epoch.
    """

    num_blocks: int
    num_batches: int
    start = np.zeros(1, dtype=np.int64)

    @property
    def amount(self) -> float:
        return self.num_batches

    def block(self, epoch: int, index: int) -> Iterable[Any]:
        """The batches of a block."""
        raise NotImplementedError

    def epoch(self, epoch: int, place: np.ndarray) -> Iterator[Item]:
        """The batches of the blocks from `place` on."""
        for index in range(int(place[0]), self.num_blocks):
            batches = iter(self.block(epoch, index))
            batch = next(batches, None)
            while batch is not None:
                following = next(batches, None)
                # The last block's end is that of the epoch, which follows at once.
                ends = following is None and index + 1 < self.num_blocks
                yield Item([batch], place=np.array([index + 1]) if ends else None)
                batch = following

    def share(self, place: np.ndarray) -> np.ndarray:
        return place

    def idle(self) -> Any:
        raise NotImplementedError("one worker always has a batch")

    def buffers(self, done: bool) -> Mapping[str, Tensor]:
        return {}

    def restore(self, buffers: Mapping[str, np.ndarray]) -> None:
        """Nothing was kept."""


def train(
    task: Task,
    recipe: Recipe,
    worker: Worker,
    *,
    budget: int | None = None,
    state: State | None = None,
    optimizer: Callable[[nn.Module], Optimizer] | None = None,
    chance_every: float | None = None,
) -> Iterator[Progress]:
    """Train, an item an epoch, and one at a place to go on from after some seconds.

    The last item's state lacks the optimiser's memory: there is nothing left to go on with.

    Args:
        budget: epochs after which to end, with the schedule of `recipe.epochs`; None: all of them.
        state: of an earlier item of the same training.
        optimizer: makes one for a model; None: that of the recipe. The schedule multiplies the
            learning rates of its groups.
        chance_every: seconds between chances to save or stop; None: `CHANCE_EVERY`.
    """
    budget = recipe.epochs if budget is None else budget
    every = CHANCE_EVERY if chance_every is None else chance_every
    loop = _Loop(task, recipe, worker, budget, optimizer, every)
    if state is not None:
        loop.restore(state)
    yield from loop.run()


class _Loop:
    """One training under way.

    Attributes:
        epoch: the next to be done, from `origin` on. place: this worker's share of where it stands.
        seen: of `Task.amount` in this epoch.
        counted: of what the losses of this epoch are divided by, over all workers; loss_sum: their
            sum over this worker.
    """

    def __init__(
        self,
        task: Task,
        recipe: Recipe,
        worker: Worker,
        budget: int,
        optimizer: Callable[[nn.Module], Optimizer] | None,
        every: float,
    ) -> None:
        import torch

        from distrib.models.training.optimizers import Steps, make_optimizer

        torch.set_num_threads(worker.threads)
        self.task, self.recipe, self.worker = task, recipe, worker
        self.every = every
        self.budget = min(budget, recipe.epochs)
        self.begin(0)
        self.loss_sum = torch.zeros(task.replicas, dtype=torch.float64, device=worker.device)
        self.best, self.waited = -np.inf, 0
        self.plateau = Plateau(task.replicas, recipe.plateau_patience, recipe.plateau_factor)
        self.parameters = [p for p in task.model.parameters() if p.requires_grad]
        if optimizer is None:
            made = make_optimizer(
                task.model,
                recipe.optimizer,
                recipe.learning_rate,
                recipe.weight_decay,
                no_decay=recipe.no_decay,
            )
        else:
            made = optimizer(task.model)
        self.steps = Steps(made, self.parameters)

    def begin(self, epoch: int) -> None:
        self.epoch, self.seen, self.counted = epoch, 0.0, 0.0
        self.origin, self.place = self.task.start, self.task.share(self.task.start)

    def run(self) -> Iterator[Progress]:
        # Only here: what is wrapped holds on to the group of workers, as a state must not.
        model = self.worker.wrap(self.task.model)
        self.offered = time.monotonic()
        while not self.done():
            self.task.model.train()
            items = self.task.epoch(self.epoch, self.origin)
            while (due := self.step(model, items)) is not None:
                if due:
                    yield Progress(self.epoch, self.capture, part=self.part)
                    self.task.model.train()
                    self.offered = time.monotonic()
            yield self.end_epoch()
            self.offered = time.monotonic()

    def done(self) -> bool:
        impatient = 0 < self.recipe.patience <= self.waited
        return self.epoch >= self.budget or (impatient and self.epoch > self.recipe.min_epochs)

    def step(self, model: Any, items: Iterator[Item]) -> bool | None:
        """One optimiser step; whether it is time for a chance, None where the epoch is over."""
        from distrib.models.training.replicas import clip_gradients

        recipe, worker = self.recipe, self.worker
        taken = list(islice(items, recipe.accumulate))
        told = np.zeros(recipe.accumulate + 2)
        told[: len(taken)] = [item.amount for item in taken]
        told[-2] = sum(item.count for item in taken)
        if worker.rank == 0:
            told[-1] = time.monotonic() - self.offered > self.every
        *amounts, count, due = worker.sum(told).tolist()
        amounts = [amount for amount in amounts if amount]
        if not amounts:
            return None
        self.backward(model, [batch for item in taken for batch in item.batches], count)
        if recipe.clip_norm > 0:
            clip_gradients(self.parameters, recipe.clip_norm, self.task.replicas)
        self.seen += sum(amounts[:-1])
        rate = 1.0
        if recipe.moves:
            whole, last = self.task.amount, amounts[-1]
            step, steps = (self.epoch * whole + self.seen) / last, recipe.epochs * whole / last
            rate = factor(recipe.schedule, step, steps, recipe.warmup, recipe.cosine_floor)
        self.steps.step(rate, self.plateau.factor)
        self.seen += amounts[-1]
        self.counted += count
        if not taken:  # this worker stands where it stood
            return bool(due)
        if (place := taken[-1].place) is not None:
            self.place = place
        return bool(due) and place is not None

    def backward(self, model: Any, batches: Sequence[Any], count: float) -> None:
        """The gradient of the sum of all losses, over all workers, divided by `count`."""
        share = max(count, 1e-12) / self.worker.world_size
        for number, batch in enumerate(batches or [None]):
            last = number + 1 >= len(batches)
            with nullcontext() if last else self.worker.apart(model):
                with autocast(self.worker):
                    if batch is None:
                        losses = self.task.losses(model, self.task.idle()) * 0.0
                    else:
                        losses = self.task.losses(model, batch)
                (losses.sum() / share).backward()
            self.loss_sum += losses.detach()

    def end_epoch(self) -> Progress:
        losses = self.worker.sum(self.loss_sum.cpu().numpy()) / max(self.counted, 1e-12)
        self.loss_sum.zero_()
        self.begin(self.epoch + 1)
        self.task.model.eval()
        with autocast(self.worker):
            metrics = self.task.validate()
        recipe = self.recipe
        if recipe.schedule == "plateau":
            found = None
            if metrics is not None and recipe.plateau_on == "validation":
                found = recipe.loss_of(metrics)
            self.plateau.update(losses if found is None else np.full(len(losses), found))
        if metrics is not None and (value := recipe.watched(metrics)) is not None:
            self.best, self.waited = (
                (value, 0) if value > self.best else (self.best, self.waited + 1)
            )
        train = {"loss": float(losses.mean())}
        return Progress(self.epoch, self.capture, metrics, train, model=self.model)

    def part(self) -> float:
        """How much of this epoch is done."""
        return self.seen / self.task.amount

    def model(self) -> State:
        """The model alone, without what a training needs to go on."""
        tensors = self._model()
        arrays = {name: t.detach().cpu().numpy().copy() for name, t in tensors.items()}
        return State(arrays, {"epoch": self.epoch, **self.task.values})

    def _model(self) -> dict[str, Tensor]:
        return {f"model.{name}": t for name, t in self.task.model.state_dict().items()}

    def capture(self) -> State:
        kept = self.task.buffers(self.done())
        tensors = self._model() | {f"task.{name}": t for name, t in kept.items()}
        values = {"epoch": self.epoch, "waited": self.waited, **self.task.values}
        if not self.done():
            tensors |= {f"optimizer.{name}": t for name, t in self.steps.tensors().items()}
            values |= {"seen": self.seen, "counted": self.counted}
        arrays = {name: t.detach().cpu().numpy().copy() for name, t in tensors.items()}
        arrays |= {f"plateau.{name}": a.copy() for name, a in self.plateau.arrays().items()}
        arrays["loop.best"] = np.array([self.best])
        if not self.done():
            arrays["loop.loss_sum"] = self.worker.sum(self.loss_sum.cpu().numpy()).copy()
            arrays["position"] = self.worker.sum(self.place).copy()
        return State(arrays, values)

    def restore(self, state: State) -> None:
        """Also from the state of an older version: of arrays with block and batch, of streams with
        the position alone."""
        import torch

        load_model(self.task.model, state)
        parts: dict[str, dict[str, np.ndarray]] = {}
        for name, array in state.arrays.items():
            part, _, rest = name.partition(".")
            parts.setdefault(part, {})[rest] = np.array(array)
        values = state.values
        self.epoch, self.waited = values["epoch"], values.get("waited", 0)
        self.seen = values.get("seen", values.get("batch", 0))
        self.counted = values.get("counted", self.seen)
        if "plateau" in parts:
            self.plateau.restore(parts["plateau"])
            self.best = float(parts["loop"]["best"][0])
        self.task.restore(parts.get("task", {}))
        if self.done():
            return
        if (position := state.arrays.get("position")) is None:
            position = np.array([values["block"]])
        self.origin, self.place = position, self.task.share(position)
        if self.worker.rank == 0 and "loss_sum" in parts.get("loop", {}):
            self.loss_sum.copy_(torch.from_numpy(parts["loop"]["loss_sum"]))
        self.steps.restore(parts.get("optimizer", {}))
