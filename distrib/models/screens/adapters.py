"""IA3 adapters of one frozen encoder, a fold each, with a regression head each.

IA3 (Liu et al. 2022) multiplies what keys, values and feed-forward layers give by vectors that are
learned; everything else of the encoder stays as it is. The layers are PEFT's.
"""

from __future__ import annotations

import warnings
from typing import Any

import torch
from torch import Tensor, nn

from distrib.errors import InputError
from distrib.models.screens.encoders import Encoder, hidden_states, pool

OUTPUTS = ("key", "value", "k_proj", "v_proj")
"""Layers whose outputs are scaled, by the ends of their names."""

FEEDFORWARD = ("intermediate.dense", "output.dense", "fc1", "fc2", "up_proj", "down_proj")
"""Layers whose inputs are scaled."""


class Head(nn.Module):
    """Pooled embeddings (n, width) -> (n, G) targets, in units of their spread around the mean."""

    target_mean: Tensor
    target_scale: Tensor

    def __init__(self, width: int, num_targets: int, dropout: float) -> None:
        super().__init__()
        self.dense = nn.Linear(width, width)
        self.out = nn.Linear(width, num_targets)
        self.dropout = nn.Dropout(dropout)
        self.register_buffer("target_mean", torch.zeros(num_targets))
        self.register_buffer("target_scale", torch.ones(()))

    def forward(self, x: Tensor) -> Tensor:
        return self.out(self.dropout(torch.tanh(self.dense(self.dropout(x)))))


class Adapted(nn.Module):
    """One fold: its own scalings and head, over the encoder that it shares with the others.

    `parameters` and `state_dict` are those of the fold alone.
    """

    shared: Any

    def __init__(self, shared: Any, name: str, pooling: str, head: Head) -> None:
        super().__init__()
        # Not registered: the frozen weights belong to no fold.
        object.__setattr__(self, "shared", shared)
        self.name, self.pooling, self.head = name, pooling, head
        suffix = f".{name}"
        own = {n: p for n, p in shared.named_parameters() if n.endswith(suffix)}
        self.scales = nn.ParameterDict(
            {_key(n.removesuffix(suffix)): p for n, p in sorted(own.items())}
        )
        self.use()

    def use(self) -> None:
        """From now on the encoder computes with this fold's scalings, and only they are trained."""
        if self.shared.active_adapter != self.name:
            self.shared.set_adapter(self.name)

    def train(self, mode: bool = True) -> Adapted:
        """Also the encoder's own dropout."""
        super().train(mode)
        self.shared.train(mode)
        return self

    def forward(self, numbers: Tensor, there: Tensor) -> Tensor:
        """(n, tokens) token numbers, and which of them are tokens -> (n, G)."""
        self.use()
        hidden = hidden_states(self.shared, numbers, there)
        return self.head(pool(hidden.float(), there, self.pooling))

    def profile(self, output: Tensor) -> Tensor:
        """What `forward` gives -> predicted targets (n, G)."""
        return torch.addcmul(self.head.target_mean, output, self.head.target_scale)

    def num_scales(self) -> int:
        """How many numbers IA3 learns."""
        return sum(p.numel() for p in self.scales.values())


def adapted(
    encoder: Encoder,
    num_folds: int,
    num_targets: int,
    *,
    pooling: str,
    dropout: float,
    checkpointing: bool,
    seed: int,
) -> list[Adapted]:
    """A model per fold over one encoder; their heads are drawn from the seed, their scales are 1.

    Raises:
        InputError: the encoder has none of the layers that IA3 scales.
    """
    from peft import IA3Config, get_peft_model

    linear = [n for n, m in encoder.network.named_modules() if isinstance(m, nn.Linear)]
    feedforward = [name for name in linear if name.endswith(FEEDFORWARD)]
    targets = [name for name in linear if name.endswith(OUTPUTS)] + feedforward
    if not targets:
        raise InputError(
            "an encoder without layers that IA3 knows",
            file=encoder.name or "the small encoder",
            found=", ".join(sorted({name.rpartition(".")[2] for name in linear})[:8]),
            expected=f"layers called ...{', ...'.join((*OUTPUTS, *FEEDFORWARD))}",
        )
    config = IA3Config(target_modules=targets, feedforward_modules=feedforward)
    names = [f"fold{fold}" for fold in range(num_folds)]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # of PEFT's, about names in transformers
        shared = get_peft_model(encoder.network, config, adapter_name=names[0])
        for name in names[1:]:
            shared.add_adapter(name, config)
    if checkpointing:
        encoder.network.activation_checkpointing_enable({"use_reentrant": False})  # type: ignore[operator]
    models = []
    for fold, name in enumerate(names):
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed * 1009 + fold)
            head = Head(encoder.width, num_targets, dropout)
        models.append(Adapted(shared, name, pooling, head))
    return models


def _key(name: str) -> str:
    """A parameter's name without what only PEFT knows; a `ParameterDict` allows no dots."""
    return name.removeprefix("base_model.model.").replace(".ia3_l", "").replace(".", "/")
