"""The shape of a language model of one chain."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Size:
    """What the weights' shapes follow from, and how they are used.

    Attributes:
        context: the most tokens of a chain or a block, both special ones included.
        fused: attention in one kernel, which keeps no matrix of tokens by tokens.
    """

    hidden_size: int
    num_layers: int
    num_heads: int
    intermediate_size: int
    dropout: float = 0.1
    attention_dropout: float = 0.0
    context: int = 512
    fused: bool = True
