"""One training of a segmenter: what changes from epoch to epoch, and what is remembered."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from distrib.data.behaviour.windows import windows
from distrib.trainables.base import Progress
from distrib.trainables.behaviour.segmenter.held_out import held_out_frame
from distrib.trainables.behaviour.segmenter.judging import judged, parts_of
from distrib.trainables.behaviour.segmenter.weights import loss_weights
from distrib.trainables.training.device import autocast
from distrib.trainables.training.task import Batch, TorchTask, Use, inputs_of

if TYPE_CHECKING:
    from torch import Tensor

    from distrib.trainables.training.loop import Item

DROPOUT_PASSES = 10
"""Of the uncertainty-aware selection of Rizve et al. (ICLR 2021), as daart has it."""


class SegmenterTask(TorchTask):
    """The kit's task, with weights of the loss that move and labels of the network's own."""

    family: Any
    model: Any
    batches: Any

    def epoch(self, epoch: int, place: np.ndarray) -> Iterator[Item]:
        config, memory = self.config, self.model.memory
        self.now = epoch
        if (place == self.start).all():
            memory.sums.zero_()
            if config.semi_supervised_algo and epoch >= config.anneal_start:
                self._label()
        self.weights = loss_weights(config, epoch)
        self.model.train()
        yield from super().epoch(epoch, place)

    def losses(self, model: Any, batch: tuple[Batch, Use]) -> Tensor:
        made, use = batch
        use.seed_torch()
        inputs = inputs_of(made, self.worker)
        if self.config.semi_supervised_algo and self.now >= self.config.anneal_start:
            inputs["weak"] = self._pseudo(inputs)
        from distrib.models.behaviour.losses import total

        parts = parts_of(self.config, self.values, model(inputs["signals"]), inputs)
        loss = total(parts, self.weights)
        memory, count = self.model.memory, loss.new_tensor(made.count)
        for name, (value, number) in parts.items():
            memory.count(name, value, number)
        memory.count("total", loss * count, count)
        return loss * count

    def validate(self) -> dict[str, float] | None:
        self.predicted: list[np.ndarray] = []
        if self.held_out is None:
            return None
        metrics, self.predicted = judged(
            self.config, self.model, self.held_out, self.values, self.worker
        )
        state = self.model.state_dict()
        self.model.memory.offer(metrics["loss"], self.now + 1, state)
        return metrics

    def told(self, item: Progress) -> Progress:
        """An item with the parts of the training loss, and the predictions for what is held out."""
        if item.metrics is None:
            return item
        means = self.model.memory.means()
        train = {f"loss_{name}": value for name, value in means.items() if name != "total"}
        return replace(
            item,
            train={**item.train, **train},
            held_out=partial(held_out_frame, self.held_out, self.predicted, self.values["classes"]),
        )

    def _label(self) -> None:
        """Give every training frame a class, or background where the network is not sure of it."""
        import torch

        config, sequences = self.config, self.batches.data
        ups = config.semi_supervised_algo == "ups"
        self.model.train(ups)
        torch.manual_seed(int(np.random.SeedSequence([config.seed, self.now]).generate_state(1)[0]))
        self.places = _places(sequences.parts)
        labels = self.model.memory.pseudo
        size = self.family.batching(config).size
        with torch.inference_mode(), autocast(self.worker):
            for first in range(0, len(sequences), size):
                rows = sequences.take(np.arange(first, min(first + size, len(sequences))))
                found = windows(rows, self.model.pad, config.velocity)
                signals = torch.from_numpy(found.signals).to(self.worker.device)
                passes = DROPOUT_PASSES if ups else 1
                probabilities = torch.stack([self._probabilities(signals) for _ in range(passes)])
                chance, state = probabilities.median(dim=0).values.max(dim=-1)
                sure = chance >= config.prob_threshold
                if ups:
                    spread = probabilities.var(dim=0, unbiased=False)
                    sure &= spread.gather(-1, state[..., None])[..., 0] <= config.variance_threshold
                state = torch.where(sure, state, 0).to(torch.int16)
                for row, (session, start, stop) in enumerate(rows.parts.tolist()):
                    at = self.places[session, start]
                    labels[at : at + stop - start] = state[row, : stop - start]

    def _probabilities(self, signals: Tensor) -> Tensor:
        from distrib.models.behaviour.segmenter import class_logits

        return class_logits(self.model(signals)).float().softmax(-1)

    def _pseudo(self, inputs: dict[str, Any]) -> Tensor:
        """(B, T) the network's own labels of a batch, -1 outside the sequences."""
        import torch

        if not hasattr(self, "places"):  # taken up amid an epoch
            self.places = _places(self.batches.data.parts)
        labels, shape = self.model.memory.pseudo, inputs["weak"].shape
        found = torch.full(shape, -1, dtype=labels.dtype, device=labels.device)
        for row, (session, start, stop) in enumerate(inputs["parts"].tolist()):
            at = self.places[session, start]
            found[row, : stop - start] = labels[at : at + stop - start]
        return found


def _places(parts: np.ndarray) -> dict[tuple[int, int], int]:
    """Where each sequence begins among the frames of all."""
    lengths = parts[:, 2] - parts[:, 1]
    starts = np.concatenate([[0], np.cumsum(lengths)[:-1]])
    return {(int(s), int(a)): int(at) for (s, a, _), at in zip(parts.tolist(), starts)}
