"""Models trained side by side in one module: gradients clipped and steps taken each for itself.

Every parameter of such a module has a leading axis (replicas, ...).
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor


@torch.no_grad()
def clip_gradients(parameters: Sequence[Tensor], norm: float, replicas: int) -> None:
    """Scale each replica's gradient down to a Euclidean length of at most `norm`."""
    gradients = [p.grad.view(replicas, -1) for p in parameters if p.grad is not None]
    lengths = [torch.linalg.vector_norm(g, dim=1) for g in gradients]
    length = torch.linalg.vector_norm(torch.stack(lengths), dim=0)
    scale = (norm / (length + 1e-6)).clamp_(max=1.0)[:, None]
    for gradient in gradients:
        gradient.mul_(scale)


@torch.no_grad()
def shorten_step(parameters: Sequence[Tensor], before: Sequence[Tensor], parts: Tensor) -> None:
    """Take back all but a part of an optimiser's step, a part for each replica.

    AdamW's step is proportional to the learning rate, its decay included, and its memory does not
    depend on it: so this is a step with `parts` times the learning rate.

    Args:
        before: the parameters before the step. parts: (replicas,), 0 to 1.
    """
    for p, old in zip(parameters, before):
        p.copy_(old.lerp(p, parts.to(p.dtype).view(-1, *[1] * (p.dim() - 1))))
