"""What a training of a segmenter remembers beside its network, kept in its state."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from torch import Tensor

    from distrib.models.behaviour.losses import Part

PARTS = ("strong", "weak", "pred", "recon", "task", "kl", "fc", "spread")
BEST = "best."


class Memory:
    """Tensors of a training.

    Attributes:
        sums: (rows, parts, 2) float64, sum and count in this epoch of each part of the loss, and of
            what else is told of the training: a row of all, or one of each session.
        pseudo: (frames,) int16, labels that the network gave the training frames; -1: none yet.
        best: the weights of the epoch with the lowest validation loss so far, and of which.
    """

    def __init__(self, pseudo_frames: int, device: str, rows: int = 1) -> None:
        import torch

        self.sums = torch.zeros(rows, len(PARTS), 2, dtype=torch.float64, device=device)
        self.pseudo = torch.full((pseudo_frames,), -1, dtype=torch.int16, device=device)
        self.best: dict[str, Tensor] = {}
        self.best_loss, self.best_epoch = float("inf"), -1

    def offer(self, loss: float, epoch: int, weights: Mapping[str, Tensor]) -> None:
        """Keep these weights where their loss is lower than any before."""
        if loss < self.best_loss:
            self.best_loss, self.best_epoch = loss, epoch
            self.best = {name: tensor.detach().clone() for name, tensor in weights.items()}

    def told(self) -> list[dict[str, tuple[float, float]]]:
        """Of each row the sum and the count of each part."""
        return [
            {part: (value, count) for part, (value, count) in zip(PARTS, row)}
            for row in self.sums.tolist()
        ]

    def buffers(self, done: bool) -> dict[str, Tensor]:
        """What a state keeps; of a training that is over, only the best epoch's weights."""
        import torch

        kept = {f"{BEST}{name}": tensor for name, tensor in self.best.items()}
        if self.best:
            kept["best_loss"] = torch.tensor(self.best_loss, dtype=torch.float64)
            kept["best_epoch"] = torch.tensor(self.best_epoch)
        return kept if done else {**kept, "sums": self.sums, "pseudo": self.pseudo}

    def restore(self, buffers: Mapping[str, np.ndarray]) -> None:
        """Go on from what `buffers` gave."""
        import torch

        device = self.sums.device
        if "pseudo" in buffers:
            self.pseudo.copy_(torch.from_numpy(buffers["pseudo"]))
        if "sums" in buffers:
            sums = torch.from_numpy(buffers["sums"])
            sums = sums[None] if sums.ndim == 2 else sums  # of an older version, with fewer parts
            self.sums[: len(sums), : sums.shape[1]] = sums.to(device)
        self.best = {
            name.removeprefix(BEST): torch.from_numpy(array).to(device)
            for name, array in buffers.items()
            if name.startswith(BEST)
        }
        if self.best:
            self.best_loss = float(buffers["best_loss"])
            self.best_epoch = int(buffers["best_epoch"])


def add_up(sums: Tensor, parts: Mapping[str, Part]) -> None:
    """Add the parts of a batch's loss to a row of `Memory.sums`."""
    for name, (value, number) in parts.items():
        row = sums[PARTS.index(name)]
        row[0] += value.detach()
        row[1] += number


def chosen(arrays: Mapping[str, np.ndarray]) -> tuple[dict[str, np.ndarray], int | None]:
    """The arrays of a state with the weights of its best validated epoch, and which that is."""
    best = f"task.{BEST}"
    kept = {k.removeprefix(best): a for k, a in arrays.items() if k.startswith(best)}
    if not kept:
        return dict(arrays), None
    weights = {f"model.{name}": array for name, array in kept.items()}
    return {**arrays, **weights}, int(arrays["task.best_epoch"])
