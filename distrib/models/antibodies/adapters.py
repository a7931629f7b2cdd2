"""Bottleneck adapters (Houlsby et al. 2019) in layers of `transformers`.

Behind the attention and behind the feed-forward part of a layer, before what they were given is
added: h <- h + U relu(D h + d) + u, D from the width to a part of it. U and u begin at zero: a
network with new adapters computes what it did without.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from torch import Tensor, nn


class Adapter(nn.Module):
    """One bottleneck.

    Args:
        width: of what passes through. reduction: how many times narrower the bottleneck is.
    """

    def __init__(self, width: int, reduction: int) -> None:
        super().__init__()
        narrow = max(width // reduction, 1)
        self.down, self.up = nn.Linear(width, narrow), nn.Linear(narrow, width)
        nn.init.normal_(self.down.weight, std=0.02)
        for parameter in (self.down.bias, self.up.weight, self.up.bias):
            nn.init.zeros_(parameter)

    def forward(self, h: Tensor) -> Tensor:
        found: Tensor = h + self.up(self.down(h).relu())
        return found


def count_adapters(width: int, num_layers: int, reduction: int) -> int:
    """Parameters of the two adapters of each layer."""
    narrow = max(width // reduction, 1)
    return num_layers * 2 * (2 * width * narrow + narrow + width)


class Adapted(nn.Module):
    """A dropout with an adapter behind it: where a layer of `transformers` has its dropout last."""

    def __init__(self, dropout: nn.Module, adapter: Adapter) -> None:
        super().__init__()
        self.dropout, self.adapter = dropout, adapter

    def forward(self, h: Tensor) -> Tensor:
        found: Tensor = self.adapter(self.dropout(h))
        return found


def adapt_roberta(layers: Iterable[Any], width: int, reduction: int) -> None:
    """Give each layer of a RoBERTa encoder its two adapters."""
    for layer in layers:
        for part in (layer.attention.output, layer.output):
            part.dropout = Adapted(part.dropout, Adapter(width, reduction))


def adapt_gpt2(blocks: Iterable[Any], width: int, reduction: int) -> None:
    """Give each block of a GPT-2 its two adapters; attention to an encoder has none."""
    for block in blocks:
        attention, mlp = block.attn, block.mlp
        attention.resid_dropout = Adapted(attention.resid_dropout, Adapter(width, reduction))
        mlp.dropout = Adapted(mlp.dropout, Adapter(width, reduction))
