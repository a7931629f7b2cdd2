"""AdamW (Loshchilov & Hutter, 2019) in torch's fused steps.

`torch.optim.AdamW` imports torch's compiler as it is made, which takes a second and which nothing
here uses. The function beneath it does not.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import torch
from torch import Tensor
from torch.optim.adamw import adamw

BETA1, BETA2, EPSILON = 0.9, 0.999, 1e-8  # torch's own defaults


class AdamW:
    """Steps of some parameters, each with its memory: steps so far, mean and mean square gradient.

    Args:
        parameters: on one device; one without a gradient stays as it is in a step.
    """

    def __init__(self, parameters: Sequence[Tensor], weight_decay: float) -> None:
        self.parameters, self.weight_decay = list(parameters), weight_decay
        self._memory: list[dict[str, Tensor]] = [
            {
                "step": torch.zeros((), dtype=torch.float32, device=p.device),
                "exp_avg": torch.zeros_like(p, memory_format=torch.preserve_format),
                "exp_avg_sq": torch.zeros_like(p, memory_format=torch.preserve_format),
            }
            for p in self.parameters
        ]

    @torch.no_grad()
    def step(self, learning_rate: float) -> None:
        """Go one step down the gradients, and forget them."""
        gradients = [p.grad for p in self.parameters]
        used = [i for i, gradient in enumerate(gradients) if gradient is not None]
        adamw(
            [self.parameters[i] for i in used],
            [g for g in gradients if g is not None],
            [self._memory[i]["exp_avg"] for i in used],
            [self._memory[i]["exp_avg_sq"] for i in used],
            [],
            [self._memory[i]["step"] for i in used],
            fused=True,
            amsgrad=False,
            beta1=BETA1,
            beta2=BETA2,
            lr=learning_rate,
            weight_decay=self.weight_decay,
            eps=EPSILON,
            maximize=False,
        )
        for parameter in self.parameters:
            parameter.grad = None

    def tensors(self) -> dict[str, Tensor]:
        """The memory of each parameter: `<number>.<name>` -> a tensor, which steps change."""
        return {
            f"{i}.{name}": tensor
            for i, memory in enumerate(self._memory)
            for name, tensor in memory.items()
        }

    @torch.no_grad()
    def restore(self, arrays: Mapping[str, np.ndarray]) -> None:
        """Go on from an earlier memory, as `tensors` named it."""
        for name, tensor in self.tensors().items():
            tensor.copy_(torch.from_numpy(arrays[name]))
