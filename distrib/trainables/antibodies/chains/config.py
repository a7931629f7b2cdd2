"""The hyperparameters that language models of one chain share: their transformer and training."""

from __future__ import annotations

from typing import Any, Self

from pydantic import Field, model_validator

from distrib.trainables.antibodies.attention import AttentionDropout, FusedAttention
from distrib.trainables.training.config import (
    Optimized,
    ScheduleName,
    Switches,
    TokenBatches,
    TorchConfig,
    Validated,
)


class ChainConfig(TokenBatches, Validated, Optimized, Switches, TorchConfig):
    """A transformer over one chain, and how it is trained."""

    hidden_size: int = Field(96, ge=8, description="model width: size of a token's embedding")
    num_layers: int = Field(2, ge=1, description="number of transformer layers")
    num_heads: int = Field(
        4, ge=1, description="number of attention heads, a divisor of hidden_size"
    )
    ffn_ratio: int = Field(4, ge=1, description="feed-forward width, as a multiple of hidden_size")
    dropout: float = Field(
        0.1, ge=0, lt=1, description="dropout probability, after embeddings and in layers"
    )
    attention_dropout: AttentionDropout = 0.0
    context: int = Field(
        256, ge=8, le=4096, description="context length in tokens, two special ones included"
    )
    fused_attention: FusedAttention = True

    weight_decay: float = TorchConfig.default("weight_decay", 0.01)
    schedule: ScheduleName = TorchConfig.default("schedule", "cosine")
    warmup: float = TorchConfig.default("warmup", 0.1)
    clip_norm: float = TorchConfig.default("clip_norm", 1.0)
    batch_tokens: int = TokenBatches.default("batch_tokens", 2048)

    @model_validator(mode="after")
    def _heads_divide(self) -> Self:
        if self.hidden_size % self.num_heads:
            raise ValueError(
                f"hidden_size {self.hidden_size} is no multiple of num_heads {self.num_heads}"
            )
        return self

    def shape(self) -> dict[str, Any]:
        """The network's size in the words of `models.antibodies.size.Size`."""
        return {
            "hidden_size": self.hidden_size,
            "num_layers": self.num_layers,
            "num_heads": self.num_heads,
            "intermediate_size": self.ffn_ratio * self.hidden_size,
            "dropout": self.dropout,
            "attention_dropout": self.attention_dropout,
            "context": self.context,
            "fused": self.fused_attention,
        }
