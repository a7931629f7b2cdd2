"""A family's network and rows as the loop sees them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal, Protocol

import numpy as np

from distrib.trainables.base import Progress, Worker
from distrib.trainables.training.batches import Batches
from distrib.trainables.training.device import on_device
from distrib.trainables.training.loop import Item

if TYPE_CHECKING:
    from torch import Tensor, nn

Purpose = Literal["train", "validate", "predict"]


@dataclass(frozen=True)
class Batch:
    """Rows made ready for a network.

    Attributes:
        inputs: arrays and tensors by name, which are moved to the device, and whatever else.
        count: what the sum of their losses is divided by: rows, or tokens that are predicted.
    """

    inputs: dict[str, Any]
    count: float


@dataclass(frozen=True)
class Use:
    """What a batch is made for.

    Attributes:
        seed: from which everything random in it follows. In training it is another in each epoch;
            in validation it is the same for all epochs and trials.
        epoch: of the training, counted from 0.
    """

    purpose: Purpose
    seed: np.random.SeedSequence
    epoch: int = 0

    @cached_property
    def rng(self) -> np.random.Generator:
        """Random numbers of this batch."""
        return np.random.default_rng(self.seed)

    def seed_torch(self) -> None:
        """Dropout follows from the batch, so that a training goes on exactly.

        As `torch.manual_seed`, which without a GPU takes milliseconds to note where it was called.
        """
        import torch

        seed = int(self.seed.generate_state(1)[0])
        torch.default_generator.manual_seed(seed)
        if torch.cuda.is_initialized():
            torch.cuda.manual_seed_all(seed)


class Family(Protocol):
    """What a task asks of its family: see `TorchTraining`."""

    def collate(self, config: Any, values: Mapping[str, Any], rows: Any, use: Use) -> Batch: ...
    def losses(self, config: Any, model: Any, inputs: dict[str, Any]) -> Tensor: ...
    def judge(
        self, config: Any, model: nn.Module, data: Any, values: Mapping[str, Any], worker: Worker
    ) -> dict[str, float]: ...


class TorchTask:
    """The training of one network; a `Task` of the loop.

    Args:
        model: on the worker's device. batches: of the rows trained on.
        held_out: those validated on, or None.
    """

    replicas = 1

    def __init__(
        self,
        family: Family,
        config: Any,
        model: nn.Module,
        values: dict[str, Any],
        batches: Batches,
        held_out: Any,
        worker: Worker,
    ) -> None:
        self.family, self.config, self.model, self.values = family, config, model, values
        self.batches, self.held_out, self.worker = batches, held_out, worker
        self.start = batches.start

    @property
    def amount(self) -> float:
        return self.batches.amount

    def share(self, place: np.ndarray) -> np.ndarray:
        return self.batches.share(place)

    def epoch(self, epoch: int, place: np.ndarray) -> Iterator[Item]:
        for part in self.batches.epoch(epoch, place):
            stands = [self.config.seed, epoch, self.worker.rank, *part.place.ravel().tolist()]
            made = [
                self._made(rows, [*stands, number], epoch) for number, rows in enumerate(part.rows)
            ]
            count = sum(batch.count for batch, _ in made)
            yield Item(made, count, part.amount, part.place)

    def losses(self, model: Any, batch: tuple[Batch, Use]) -> Tensor:
        made, use = batch
        use.seed_torch()
        return self.family.losses(self.config, model, inputs_of(made, self.worker)).sum()

    def idle(self) -> tuple[Batch, Use]:
        return self._made(self.batches.spare(), [self.config.seed])

    def validate(self) -> dict[str, float] | None:
        if self.held_out is None:
            return None
        family = self.family
        return family.judge(self.config, self.model, self.held_out, self.values, self.worker)

    def buffers(self, done: bool) -> Mapping[str, Tensor]:
        return {}

    def restore(self, buffers: Mapping[str, np.ndarray]) -> None:
        """Nothing was kept."""

    def told(self, item: Progress) -> Progress:
        """An item of the training, with what this task knows of it beside the loop."""
        return item

    def _made(self, rows: Any, words: list[int], epoch: int = 0) -> tuple[Batch, Use]:
        use = Use("train", np.random.SeedSequence(words), epoch)
        return self.family.collate(self.config, self.values, rows, use), use


def inputs_of(batch: Batch, worker: Worker) -> dict[str, Any]:
    """The inputs of a batch on the worker's device."""
    return {name: on_device(value, worker) for name, value in batch.inputs.items()}
