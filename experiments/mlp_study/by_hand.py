"""What a lab writes by hand: an ordinary torch model per fold, the folds one after the other.

The data, the folds, the space and every fixed choice (batch size, activation, schedule, clipping)
are those of the `mlp` space, so that the studies differ in how they search and train alone.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from torch import nn

from distrib.data.screens.profiles import gene_end_profiles
from distrib.data.screens.scoring.metrics import summary
from distrib.data.splits import fold_ids
from distrib.trainables.screens.mlp.config import MlpConfig

FIXED = MlpConfig()
ACTIVATIONS = {"relu": nn.ReLU, "gelu": nn.GELU, "silu": nn.SiLU, "tanh": nn.Tanh}


def load() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Inputs (rows, 96), targets (rows, 17), folds (rows,)."""
    screen = gene_end_profiles()
    assert screen.targets is not None
    return screen.inputs, screen.targets, fold_ids(screen.groups, FIXED.folds, FIXED.fold_seed)


class Fold:
    """One fold: its model, its optimiser, its rows."""

    def __init__(
        self, config: dict[str, Any], x: np.ndarray, y: np.ndarray, rows: np.ndarray, epochs: int
    ) -> None:
        mean, scale = x[rows].mean(0), x[rows].std(0)
        scale[scale == 0] = 1
        self.mean, self.spread = y[rows].mean(0), y[rows].std()
        self.x = torch.tensor((x - mean) / scale, dtype=torch.float32)
        self.y = torch.tensor(y, dtype=torch.float32)
        self.rows = torch.tensor(rows)
        widths = [x.shape[1], *[config["hidden_width"]] * config["num_layers"]]
        layers: list[nn.Module] = []
        for a, b in itertools.pairwise(widths):
            layers += [
                nn.Linear(a, b),
                ACTIVATIONS[FIXED.activation](),
                nn.Dropout(config["dropout"]),
            ]
        self.model = nn.Sequential(*layers, nn.Linear(widths[-1], y.shape[1]))
        self.profile = config["loss"] == "cross_entropy"
        self.optimiser = torch.optim.AdamW(
            self.model.parameters(),
            lr=config["learning_rate"],
            weight_decay=config["weight_decay"],
        )
        steps = math.ceil(len(rows) / FIXED.batch_size)
        self.schedule = torch.optim.lr_scheduler.CosineAnnealingLR(self.optimiser, epochs * steps)

    def epoch(self) -> None:
        self.model.train()
        order = self.rows[torch.randperm(len(self.rows))]
        for batch in order.split(FIXED.batch_size):
            output = self.model(self.x[batch])
            if self.profile:
                loss = nn.functional.cross_entropy(output, self.y[batch])
            else:
                target = (self.y[batch] - torch.tensor(self.mean)) / float(self.spread)
                loss = nn.functional.mse_loss(output, target)
            self.optimiser.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(self.model.parameters(), FIXED.clip_norm)
            self.optimiser.step()
            self.schedule.step()

    @torch.no_grad()
    def predict(self, rows: np.ndarray) -> np.ndarray:
        self.model.eval()
        output = self.model(self.x[torch.tensor(rows)])
        if self.profile:
            return torch.softmax(output, 1).numpy()
        return output.numpy() * self.spread + self.mean


def cross_validate(
    config: dict[str, Any], data: tuple[np.ndarray, np.ndarray, np.ndarray], epochs: int, seed: int
) -> Iterator[float]:
    """Mean Pearson per row out of fold, after each epoch of every fold."""
    x, y, folds = data
    torch.manual_seed(seed)
    fits = [Fold(config, x, y, np.flatnonzero(folds != k), epochs) for k in range(FIXED.folds)]
    reference = np.stack([fits[k].mean for k in folds])
    for _ in range(epochs):
        predicted = np.empty_like(y)
        for k, fit in enumerate(fits):
            fit.epoch()
            predicted[folds == k] = fit.predict(np.flatnonzero(folds == k))
        yield summary(predicted, y, reference)["pearson"]
