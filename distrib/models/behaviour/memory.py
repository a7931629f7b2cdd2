"""What a training of a segmenter remembers beside weights, kept in its state as weights are."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn

PARTS = ("strong", "weak", "pred", "recon", "task", "kl", "total")


class Memory(nn.Module):
    """Buffers of a training.

    Attributes:
        sums: (parts, 2) float64, sum and count of each part of the loss in this epoch.
        pseudo: (frames,) int16, labels that the network gave the training frames; -1: none yet.
        best_loss, best_epoch: of the validation so far. best_<i>: the weights of that epoch, in
            the order of the network's state.
    """

    sums: Tensor
    pseudo: Tensor
    best_loss: Tensor
    best_epoch: Tensor

    def __init__(self, network: nn.Module, pseudo_frames: int) -> None:
        super().__init__()
        self.names = tuple(network.state_dict())
        self.register_buffer("sums", torch.zeros(len(PARTS), 2, dtype=torch.float64))
        self.register_buffer("pseudo", torch.full((pseudo_frames,), -1, dtype=torch.int16))
        self.register_buffer("best_loss", torch.tensor(torch.inf, dtype=torch.float64))
        self.register_buffer("best_epoch", torch.tensor(-1))
        for number, tensor in enumerate(network.state_dict().values()):
            self.register_buffer(f"best_{number}", tensor.detach().clone())

    def count(self, part: str, value: Tensor, count: Tensor) -> None:
        """Add to the sums of an epoch."""
        row = self.sums[PARTS.index(part)]
        row[0] += value.detach()
        row[1] += count

    def means(self) -> dict[str, float]:
        """The mean of each part that had something to count."""
        rows = zip(PARTS, self.sums.tolist())
        return {part: value / count for part, (value, count) in rows if count}

    def offer(self, loss: float, epoch: int, weights: Mapping[str, Tensor]) -> bool:
        """Keep these weights where their loss is lower than any before."""
        if not loss < float(self.best_loss):
            return False
        self.best_loss.fill_(loss)
        self.best_epoch.fill_(epoch)
        for number, name in enumerate(self.names):
            getattr(self, f"best_{number}").copy_(weights[name])
        return True

    def best(self) -> dict[str, Tensor]:
        """The weights that were kept, by name."""
        return {name: getattr(self, f"best_{number}") for number, name in enumerate(self.names)}
