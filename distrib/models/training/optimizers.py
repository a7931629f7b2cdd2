"""The optimisers of the training kit: torch's own, with groups of parameters and replicas.

Parameters of models that train side by side have a leading axis (replicas, ...), and each replica
may have a learning rate and a weight decay of its own.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from distrib.models.training.replicas import shorten_step

Kind = Literal["adamw", "adam"]
KINDS: dict[str, type[Optimizer]] = {"adamw": torch.optim.AdamW, "adam": torch.optim.Adam}


def make_optimizer(
    model: nn.Module,
    kind: Kind,
    learning_rate: float | Sequence[float],
    weight_decay: float | Sequence[float],
    *,
    no_decay: bool = False,
) -> Optimizer:
    """AdamW (Loshchilov & Hutter 2019) or Adam (Kingma & Ba 2015) in torch's fused steps.

    The arithmetic is that of the functional form `torch.optim.adamw.adamw(fused=True)`, to the bit;
    other optimisers of torch, or its unfused steps, round otherwise: 1e-5 after some hundred steps.

    Args:
        learning_rate, weight_decay: one for all, or (replicas,) each its own. The decay of AdamW is
            decoupled, that of Adam is added to the gradient.
        no_decay: leave biases, norms and whatever else has fewer than two dimensions without decay.
    """
    named = [(name, p) for name, p in model.named_parameters() if p.requires_grad]
    spared = {id(p) for p in _spared(model)} if no_decay else set()
    rates, decays = np.atleast_1d(learning_rate), np.atleast_1d(weight_decay)
    groups = []
    for decayed in (True, False):
        own = [p for _, p in named if (id(p) not in spared) == decayed]
        each = decays if decayed else np.zeros(1)
        equal = bool((each == each[0]).all())
        group = {
            "params": own,
            "weight_decay": float(each[0]) if equal else 0.0,
            "decays": None if equal else each,
            "rates": None if (rates == rates[0]).all() else rates / rates.max(),
        }
        groups += [group] if own else []
    made: Any = without_compiler(kind)
    return made(groups, lr=float(rates.max()), fused=True)


def _spared(model: nn.Module) -> Iterable[nn.Parameter]:
    norms = (nn.LayerNorm, nn.RMSNorm, nn.GroupNorm, nn.modules.batchnorm._NormBase)
    for module in model.modules():
        for name, parameter in module.named_parameters(recurse=False):
            if parameter.dim() < 2 or isinstance(module, norms) or name == "bias":
                yield parameter


@cache
def without_compiler(name: Kind) -> type[Optimizer]:
    """torch's optimiser without its links to torch's compiler.

    They import it, which takes each process 1.6 s, and only matter where a step is compiled.
    """
    kind = KINDS[name]
    step = torch.no_grad()(inspect.unwrap(kind.step))
    add = inspect.unwrap(Optimizer.add_param_group)
    return type(kind.__name__, (kind,), {"step": step, "add_param_group": add})


class Steps:
    """The steps of an optimiser under a schedule, each replica for itself, and its memory.

    Args:
        parameters: those that are trained, in the model's order, by which the memory is named.
    """

    def __init__(self, optimizer: Optimizer, parameters: Sequence[Tensor]) -> None:
        self.optimizer, self.parameters = optimizer, list(parameters)
        self.peaks = [float(group["lr"]) for group in optimizer.param_groups]

    @torch.no_grad()
    def step(self, factor: float, parts: np.ndarray) -> None:
        """Go one step down the gradients, and forget them.

        Args:
            factor: of the learning rates. parts: (replicas,), the same of each replica, 0 to 1.
        """
        shortened = []
        for group, peak in zip(self.optimizer.param_groups, self.peaks):
            group["lr"] = peak * factor
            own = parts if group.get("rates") is None else parts * group["rates"]
            if (own != 1).any():
                before = [p.clone() for p in group["params"]]
                shortened.append((group["params"], before, own))
            if group.get("decays") is not None:
                self._decay(group)
        self.optimizer.step()
        for parameters, before, own in shortened:
            shorten_step(parameters, before, torch.from_numpy(own).to(before[0].device))
        for parameter in self.parameters:
            parameter.grad = None

    def _decay(self, group: dict[str, Any]) -> None:
        for p in group["params"]:
            if p.grad is None:
                continue
            decays = torch.from_numpy(group["decays"]).to(p).view(-1, *[1] * (p.dim() - 1))
            if isinstance(self.optimizer, torch.optim.AdamW):
                p.mul_(1 - group["lr"] * decays)
            else:
                p.grad.add_(p * decays)

    def tensors(self) -> dict[str, Tensor]:
        """The memory of each parameter: `<number>.<name>` -> a tensor, which steps change."""
        return {
            f"{number}.{name}": value
            for number, p in enumerate(self.parameters)
            for name, value in self.optimizer.state.get(p, {}).items()
            if value is not None
        }

    def restore(self, arrays: Mapping[str, np.ndarray]) -> None:
        """Go on from an earlier memory, as `tensors` named it."""
        fused = bool(self.optimizer.defaults.get("fused"))
        for key, array in arrays.items():
            number, _, name = key.partition(".")
            p = self.parameters[int(number)]
            # Only fused steps count on the device.
            device = p.device if fused or name != "step" else "cpu"
            self.optimizer.state[p][name] = torch.from_numpy(np.array(array)).to(device)
