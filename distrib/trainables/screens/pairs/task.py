"""Pairs of rows and genes as the loop of the torch families sees them: blocks, losses, scores."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from distrib.data.screens.scoring.scores import scores
from distrib.data.screens.screen import Screen
from distrib.trainables.base import State, Worker
from distrib.trainables.screens.base import (
    as_frame,
    model_values,
    parts_of,
    reference,
    require_targets,
)
from distrib.trainables.screens.row_weights import weighed
from distrib.trainables.training.device import autocast, load_model, shared_tensor
from distrib.trainables.training.loop import Blocks
from distrib.trainables.training.widths import hidden_widths

if TYPE_CHECKING:
    import torch
    from torch import Tensor

    from distrib.models.screens.pairs import StackedPairs
    from distrib.trainables.screens.pairs.config import MlpPairsConfig

BLOCK_STEPS = 16
"""Batches between two chances to save or stop."""


@dataclass(frozen=True)
class Batch:
    """One step of F folds: rows by genes.

    Attributes:
        x: (F, p, d) standardised inputs. genes: (F, g) numbers. y: (F, p, g) targets, 0 where not
            measured. weight: (F, p, g), summing to 1 in each fold, or where rows weigh differently
            to 1 on the average of batches. masks: dropout masks.
    """

    x: Tensor
    genes: Tensor
    y: Tensor
    weight: Tensor
    masks: tuple[Tensor, ...]


class PairsTask(Blocks):
    """Folds of one screen, trained side by side; a `Task` of the loop.

    Args:
        held_out: of each fold the rows it does not train on; None: one model on every row.
    """

    def __init__(
        self,
        config: MlpPairsConfig,
        data: Screen,
        worker: Worker,
        held_out: Sequence[np.ndarray] | None,
    ) -> None:
        import torch

        from distrib.models.screens.folds import Layout, stream

        targets = require_targets(data)
        every = np.arange(len(data))
        self.config, self.data, self.held_out = config, data, held_out
        self.inputs, self.targets = (
            shared_tensor(data.inputs, worker),
            shared_tensor(targets, worker),
        )
        self.training, weights = weighed(
            config.row_weights,
            data,
            [np.setdiff1d(every, part) for part in held_out or [every[:0]]],
        )
        self.weights = (
            None if weights is None else shared_tensor(weights.astype(np.float32), worker)
        )
        self.replicas = len(self.training)
        sizes = [len(rows) for rows in self.training]
        self.rows = Layout.of(sizes, config.batch_rows)
        self.genes = Layout.of([targets.shape[1]], config.batch_genes)
        self.num_batches = self.rows.steps * self.genes.steps
        self.num_blocks = -(-self.num_batches // BLOCK_STEPS)
        cuts = [self.rows.cut(size) for size in sizes]
        self.row_places = [positions for positions, _ in cuts]
        self.row_valid = torch.from_numpy(np.stack([v for _, v in cuts])).to(worker.device)
        places, valid = self.genes.cut(targets.shape[1])
        self.gene_places = places
        self.gene_valid = torch.from_numpy(valid).to(worker.device)
        generators = [stream(config.seed, k, "weights") for k in range(self.replicas)]
        genes = None if data.gene_inputs is None else standardised(data.gene_inputs)
        self.model = build_model(
            config, data.inputs.shape[1], genes, targets.shape[1], generators
        ).to(worker.device)
        self._fit_standards()
        self.values = model_values(data)
        self.means = None if held_out is None else reference(config, data)
        self.parts = None if held_out is None else parts_of(config, data)
        self.predicted: np.ndarray | None = None

    def block(self, epoch: int, index: int) -> Iterator[Batch]:
        """The batches of a block, of all folds at once."""
        rows, genes, order = self._orders(epoch)
        first = index * BLOCK_STEPS
        for step in range(first, min(first + BLOCK_STEPS, self.num_batches)):
            yield self._batch(epoch, step, rows, genes, order[:, step])

    def losses(self, model: StackedPairs, batch: Batch) -> Tensor:
        """(folds,) mean loss of a batch."""
        output = model(batch.x, batch.genes, batch.masks).float()
        return ((output - batch.y).square() * batch.weight).sum(dim=(1, 2))

    def validate(self) -> dict[str, float] | None:
        """Every metric of the predictions for rows held out, pooled over the folds."""
        if self.held_out is None or self.means is None:
            return None
        from distrib.models.screens.pairs import predict_rows

        width = max(len(part) for part in self.held_out)
        padded = np.stack([np.pad(part, (0, width - len(part))) for part in self.held_out])
        found = predict_rows(self.model, self.inputs[padded]).cpu().numpy()
        predicted = np.empty(self.targets.shape, dtype=np.float32)
        for fold, part in enumerate(self.held_out):
            predicted[part] = found[fold, : len(part)]
        self.predicted = predicted
        return scores(predicted, self.data, self.means, self.parts)

    def held_out_frame(self) -> Callable[[], pd.DataFrame]:
        """Makes a table of the predictions that `validate` judged last."""
        assert self.predicted is not None
        return partial(as_frame, self.data.ids, self.data.columns.tolist(), self.predicted)

    def _orders(self, epoch: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Of each fold: rows by batch (F, steps, p), genes by batch (F, steps, g), and which batch
        of rows meets which of genes at each step (F, steps).
        """
        import torch

        from distrib.models.screens.folds import stream

        rows, genes, order = [], [], []
        for fold, own in enumerate(self.training):
            generator = stream(self.config.seed, fold, "order", epoch)

            def shuffled(count: int, generator: torch.Generator = generator) -> np.ndarray:
                return torch.randperm(count, generator=generator).numpy()

            rows.append(own[shuffled(len(own))][self.row_places[fold]])
            genes.append(shuffled(self.targets.shape[1])[self.gene_places])
            order.append(shuffled(self.num_batches))
        return np.stack(rows), np.stack(genes), np.stack(order)

    def _batch(
        self, epoch: int, step: int, rows: np.ndarray, genes: np.ndarray, which: np.ndarray
    ) -> Batch:
        import torch

        device = self.inputs.device
        fold = np.arange(self.replicas)
        of_rows, of_genes = which // self.genes.steps, which % self.genes.steps
        r = torch.from_numpy(rows[fold, of_rows]).to(device)
        g = torch.from_numpy(genes[fold, of_genes]).to(device)
        y = self.targets[r[:, :, None], g[:, None, :]]
        measured = torch.isfinite(y)
        valid = self.row_valid[fold, of_rows][:, :, None] & self.gene_valid[of_genes][:, None, :]
        counted = valid & measured
        mean = torch.gather(self.model.target_mean, 2, g[:, None])
        y = torch.where(measured, (y - mean) / self.model.target_scale, 0.0)
        weight = counted / counted.sum(dim=(1, 2), keepdim=True).clamp(min=1)
        if self.weights is not None:
            weight = weight * self.weights[torch.from_numpy(fold).to(device)[:, None], r][..., None]
        return Batch(
            x=self.model.standardise(self.inputs[r]),
            genes=g,
            y=y,
            weight=weight,
            masks=self._masks(epoch, step, r.shape[1] * g.shape[1]),
        )

    def _masks(self, epoch: int, step: int, pairs: int) -> tuple[Tensor, ...]:
        """Dropout masks (F, pairs, H) of the hidden layers."""
        import torch

        from distrib.models.screens.folds import stream

        kept = 1 - self.config.dropout
        if kept == 1:
            return ()
        device = str(self.inputs.device)
        masks = [
            torch.empty(self.replicas, pairs, width, device=device)
            for width in hidden_widths(self.config)
        ]
        for fold in range(self.replicas):
            generator = stream(self.config.seed, fold, "dropout", epoch, step, device)
            for mask in masks:
                mask[fold].bernoulli_(kept, generator=generator)
        return tuple(mask.div_(kept) for mask in masks)

    def _fit_standards(self) -> None:
        """Set means and scales from each fold's training rows."""
        import torch

        from distrib.models.screens.standards import input_standards, target_standards

        model = self.model
        for fold, rows in enumerate(self.training):
            y = self.targets[rows]
            weights = None if self.weights is None else self.weights[fold, rows]
            found = input_standards(self.inputs[rows], weights)
            model.input_mean[fold], model.input_scale[fold] = found
            found = target_standards(y.nan_to_num(0.0), torch.isfinite(y), weights)
            model.target_mean[fold], model.target_scale[fold] = found


def standardised(inputs: np.ndarray) -> Tensor:
    """(M, e) gene embeddings, each dimension to mean 0 and variance 1 over the genes."""
    import torch

    spread = inputs.std(axis=0)
    scaled = (inputs - inputs.mean(axis=0)) / np.where(spread > 0, spread, 1.0)
    return torch.from_numpy(scaled.astype(np.float32))


def build_model(
    config: MlpPairsConfig,
    num_inputs: int,
    genes: Tensor | None,
    num_genes: int,
    generators: Sequence[Any],
) -> StackedPairs:
    """The network of a configuration, a fold for each generator."""
    from distrib.models.screens.pairs import StackedPairs

    return StackedPairs(
        num_inputs,
        genes,
        num_genes,
        hidden_widths(config),
        generators,
        activation=config.activation,
    )


def apply_model(
    config: MlpPairsConfig, state: State, inputs: np.ndarray, worker: Worker
) -> np.ndarray:
    """(rows, G) predictions of a refitted model."""
    import torch

    from distrib.models.screens.folds import stream
    from distrib.models.screens.pairs import predict_rows

    known = state.arrays.get("model.genes")
    genes = None if known is None else torch.from_numpy(np.array(known))
    num_genes = len(state.values["columns"])
    model = build_model(config, inputs.shape[1], genes, num_genes, [stream(0, 0, "weights")])
    load_model(model, state)
    model.to(worker.device).eval()
    with autocast(worker):
        return predict_rows(model, shared_tensor(inputs, worker)[None])[0].float().cpu().numpy()
