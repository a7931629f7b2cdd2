"""Minibatches of every fold of a cross-validation at once, and predictions of held-out rows.

Each fold has its own order of rows, dropout masks and statistics, drawn from a stream of its own:
a function of (seed, fold, purpose, epoch, block) and of nothing else. So a fold gives the same
numbers alone as beside the others, and no generator has a state that a checkpoint would need.

All folds take the same number of steps an epoch: each cuts its own order into that many nearly
equal batches, and a batch that is a row shorter than the widest is padded with rows of weight 0.

Axes in the shapes: N rows, F folds, S steps, B rows of a batch, d inputs, H hidden, G columns.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

import numpy as np
import torch
from torch import Tensor

from distrib.models.screens.mlp import StackedMLP
from distrib.models.screens.standards import input_standards, target_standards

PURPOSES = {"weights": 0, "order": 1, "dropout": 2}

BLOCK_NUMBERS = 2**20
"""About how many numbers of one fold are gathered and drawn in one go (4 MiB)."""

HELD_OUT_ROWS = 4096
"""Rows of each fold that are predicted in one go."""


def stream(
    seed: int,
    fold: int,
    purpose: Literal["weights", "order", "dropout"],
    epoch: int = 0,
    block: int = 0,
    device: str = "cpu",
) -> torch.Generator:
    """The random stream of one fold for one purpose."""
    sequence = np.random.SeedSequence([seed, fold, PURPOSES[purpose], epoch, block])
    generator = torch.Generator(device)
    generator.manual_seed(int(sequence.generate_state(1, np.uint64)[0] >> 1))
    return generator


@dataclass(frozen=True)
class Batch:
    """One step of F folds.

    Attributes:
        x: (F, B, d) standardised inputs. y: (F, B, G) targets, 0 where not measured.
        weight: (F, B, 1) of rows, summing to 1 in each fold. entries: (F, B, 1) or (F, B, G),
            what the loss weighs by; they sum to 1, or where rows weigh differently to 1 on the
            average of batches. measured: (F, B, G), or None where everything is.
        masks: dropout masks (F, B, H), one a hidden layer, or none.
    """

    x: Tensor
    y: Tensor
    weight: Tensor
    entries: Tensor
    measured: Tensor | None
    masks: tuple[Tensor, ...]


@dataclass(frozen=True)
class Layout:
    """How folds are cut into batches; taken from all folds, it serves any part of them.

    Attributes:
        steps: batches an epoch. width: rows of the widest batch.
    """

    steps: int
    width: int

    @classmethod
    def of(cls, sizes: Sequence[int], batch_size: int) -> Layout:
        """For folds with so many training rows and batches of about (never over) `batch_size`."""
        steps = math.ceil(max(sizes) / batch_size)
        return cls(steps, math.ceil(max(sizes) / steps))

    def cut(self, size: int) -> tuple[np.ndarray, np.ndarray]:
        """Positions in a fold's order, and whether each is a row or padding: (S, B) both.

        A fold with fewer rows than steps has batches of one row, some of them more than once.
        """
        start = np.arange(self.steps) * size // self.steps
        stop = np.maximum(np.arange(1, self.steps + 1) * size // self.steps, start + 1)
        positions = start[:, None] + np.arange(self.width)
        valid = positions < stop[:, None]
        return np.where(valid, positions, start[:, None]), valid


class FoldData:
    """The rows of a data set as the folds of a cross-validation see them.

    Args:
        inputs: (N, d). targets: (N, G), NaN where not measured.
        training: rows each fold trains on. labels: the folds' numbers, for their random streams.
        layout: of all folds. dropout: probability, one for all or one for each fold; hidden:
            widths of the layers dropped from.
        per_row: whether the loss weighs rows (cross-entropy) rather than entries.
        weights: (F, N) of rows, with a mean of 1 over what the loss of a fold is a mean of, above 0
            where a fold trains; None: all alike.
    """

    def __init__(
        self,
        inputs: Tensor,
        targets: Tensor,
        training: Sequence[np.ndarray],
        *,
        labels: Sequence[int],
        layout: Layout,
        hidden: Sequence[int],
        dropout: float | Sequence[float],
        per_row: bool,
        seed: int,
        weights: Tensor | None = None,
    ) -> None:
        device = inputs.device
        measured = torch.isfinite(targets)
        self.complete = bool(measured.all())
        self.inputs = inputs
        self.targets = targets if self.complete else targets.nan_to_num(0.0, 0.0, 0.0)
        self.measured = measured
        self.training = [torch.from_numpy(rows).to(device) for rows in training]
        self.labels = labels
        self.layout = layout
        self.dropout = np.broadcast_to(dropout, len(labels)).tolist()
        self.hidden = hidden if any(self.dropout) else ()
        self.per_row = per_row
        self.seed = seed
        self.weights = weights
        cuts = [layout.cut(len(rows)) for rows in training]
        self.positions = [torch.from_numpy(positions).to(device) for positions, _ in cuts]
        self.valid = torch.from_numpy(np.stack([v for _, v in cuts], axis=1)).to(device)
        numbers = layout.width * (inputs.shape[1] + 2 * targets.shape[1] + sum(self.hidden))
        self.block_steps = max(1, BLOCK_NUMBERS // numbers)
        self.num_blocks = math.ceil(layout.steps / self.block_steps)
        self._rows = lru_cache(maxsize=1)(self._draw_rows)

    def fit_standards(self, model: StackedMLP) -> None:
        """Set the model's means and scales from each fold's training rows.

        A constant input has scale 1; a column never measured has mean 0.
        """
        for k, rows in enumerate(self.training):
            weights = None if self.weights is None else self.weights[k, rows]
            model.input_mean[k], model.input_scale[k] = input_standards(self.inputs[rows], weights)
            model.target_mean[k], model.target_scale[k] = target_standards(
                self.targets[rows], self.measured[rows], weights
            )

    def block(self, model: StackedMLP, epoch: int, index: int) -> list[Batch]:
        """The batches of one block of an epoch, in their order."""
        steps = slice(index * self.block_steps, (index + 1) * self.block_steps)
        rows, valid = self._rows(epoch)[steps], self.valid[steps, ..., None]
        x = model.standardise(self.inputs[rows])
        y = self.targets[rows]
        weight = valid / valid.sum(dim=2, keepdim=True)
        measured = None if self.complete else self.measured[rows]
        entries = self._entries(y, valid, measured)
        if self.weights is not None:
            folds = torch.arange(len(self.weights), device=rows.device)[:, None]
            own = self.weights[folds, rows][..., None]
            # Not over the batch's own sum: its rows would count more the lighter the others are.
            entries = entries * own
            weight = weight * own / (weight * own).sum(dim=2, keepdim=True)
        masks = zip(*(m.unbind() for m in self._masks(len(rows), epoch, index)))
        nothing = [None] * len(rows)
        return [
            Batch(*parts)
            for parts in zip(
                x.unbind(),
                y.unbind(),
                weight.unbind(),
                entries.unbind(),
                nothing if measured is None else measured.unbind(),
                masks if self.hidden else [()] * len(rows),
            )
        ]

    def _entries(self, y: Tensor, valid: Tensor, measured: Tensor | None) -> Tensor:
        """Weights of the loss that sum to 1 (over entries, or over rows with any mass)."""
        if self.per_row:
            counted = valid & (y.sum(dim=-1, keepdim=True) > 0)
            return counted / counted.sum(dim=2, keepdim=True).clamp(min=1)
        if measured is None:
            return valid / (valid.sum(dim=2, keepdim=True) * y.shape[-1])
        counted = valid & measured
        return counted / counted.sum(dim=(2, 3), keepdim=True).clamp(min=1)

    def _draw_rows(self, epoch: int) -> Tensor:
        """(S, F, B) row numbers of an epoch."""
        device = str(self.inputs.device)
        parts = []
        for label, rows, positions in zip(self.labels, self.training, self.positions):
            generator = stream(self.seed, label, "order", epoch, device=device)
            order = torch.randperm(len(rows), generator=generator, device=device)
            parts.append(rows[order][positions])
        return torch.stack(parts, dim=1)

    def _masks(self, steps: int, epoch: int, index: int) -> list[Tensor]:
        """Dropout masks (S, F, B, H) of the hidden layers; the probability is in 65536ths.

        Bits are drawn 16 to an entry: several times cheaper than a uniform number each, and with
        narrow layers the drawing would otherwise cost as much as the training.
        """
        device = str(self.inputs.device)
        shapes = [(steps, len(self.labels), self.layout.width, width) for width in self.hidden]
        masks = [torch.empty(shape, device=device) for shape in shapes]
        for k, label in enumerate(self.labels if masks else ()):
            generator = stream(self.seed, label, "dropout", epoch, index, device)
            dropped = round(self.dropout[k] * 2**16)
            for mask in masks:
                entries = mask[:, k].numel()
                bits = torch.empty(math.ceil(entries / 4), dtype=torch.int64, device=device)
                bits.random_(-(2**63), None, generator=generator)
                lanes = bits.view(torch.int16)[:entries].view(mask[:, k].shape)
                torch.ge(lanes, dropped - 2**15, out=mask[:, k])
                mask[:, k].mul_(2**16 / (2**16 - dropped))
        return masks


@torch.inference_mode()
def predict_held_out(
    model: StackedMLP, inputs: Tensor, targets: Tensor, rows: Sequence[np.ndarray]
) -> tuple[Tensor, Tensor]:
    """Predictions of each fold for rows of its own choice, such as those it did not train on.

    Args:
        inputs: (N, d). targets: (N, G), NaN where not measured.
        rows: for each fold its rows; over all folds, each row at most once.

    Returns:
        (N, G) predictions, NaN for rows of no fold; and the mean loss over all of theirs, a scalar.
    """
    predictions = torch.full(targets.shape, torch.nan, device=inputs.device)
    total, weights = torch.zeros(2, device=inputs.device)
    for start in range(0, max(len(part) for part in rows), HELD_OUT_ROWS):
        parts = [part[start : start + HELD_OUT_ROWS] for part in rows]
        width = max(len(part) for part in parts)
        padded = np.stack([np.pad(part, (0, width - len(part))) for part in parts])
        valid = np.stack([np.arange(width) < len(part) for part in parts])
        index = torch.from_numpy(padded).to(inputs.device)
        real = torch.from_numpy(valid).to(inputs.device)
        y, measured = targets[index], torch.isfinite(targets[index])
        y = torch.where(measured, y, 0.0)
        output = model(model.standardise(inputs[index])).float()
        counted = real[..., None] & (
            y.sum(dim=-1, keepdim=True) > 0 if model.loss == "cross_entropy" else measured
        )
        total += model.losses(output, y, counted, measured).sum()
        weights += counted.sum()
        predictions[index[real]] = model.profile(output)[real]
    return predictions, total / weights.clamp(min=1)
