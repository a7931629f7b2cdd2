"""What makes a training cheaper and leaves its figures: less memory, or compiled steps.

Either imports torch's compiler, which takes a process seconds; no other training does.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from torch import nn


def recompute(blocks: Sequence[nn.Module]) -> None:
    """Let these parts of a network keep their inputs alone and compute again in the backward pass.

    Chen et al. (2016), by torch's own: dropout is drawn again as it was, so that the gradients are
    the same.
    """
    for block in blocks:
        block.forward = partial(_recomputed, block.forward)


def _recomputed(forward: Callable[..., Any], *args: Any, **more: Any) -> Any:
    import torch
    from torch.utils.checkpoint import checkpoint

    if not torch.is_grad_enabled():
        return forward(*args, **more)
    return checkpoint(forward, *args, use_reentrant=False, **more)


def compile_network(model: nn.Module) -> None:
    """Compile a network in place: its parameters, and the names of them, stay what they are."""
    model.compile(dynamic=True)
