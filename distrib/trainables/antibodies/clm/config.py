"""The hyperparameters of a causal language model, what it reads, and what may be asked of it."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, model_validator

from distrib.trainables.antibodies.chains.drawing import DrawOptions
from distrib.trainables.antibodies.chains.source import ChainSource
from distrib.trainables.capabilities import GenerateOptions
from distrib.trainables.training.config import (
    Initialized,
    Optimized,
    Switches,
    TokenBatches,
    TorchConfig,
    Validated,
)


class ClmConfig(TokenBatches, Validated, Optimized, Switches, Initialized, TorchConfig):
    """The network, how chains are laid into rows, and how it is trained."""

    hidden_size: int = Field(96, ge=8, description="model width: size of a token's embedding")
    num_layers: int = Field(2, ge=1, description="number of transformer layers")
    num_heads: int = Field(
        4, ge=1, description="number of attention heads, a divisor of hidden_size"
    )
    ffn_ratio: int = Field(4, ge=1, description="feed-forward width, as a multiple of hidden_size")
    dropout: float = Field(
        0.1, ge=0, lt=1, description="dropout probability, after embeddings and in layers"
    )
    attention_dropout: float = Field(
        0.0,
        ge=0,
        lt=1,
        description="dropout probability of attention weights; above 0, no fused kernel on a CPU",
    )
    context: int = Field(
        256, ge=8, le=4096, description="context length in tokens, two special ones included"
    )
    fused_attention: bool = Field(
        True, description="fused attention kernel (scaled_dot_product_attention)"
    )
    packed: bool = Field(
        False,
        description="training chains laid end to end in blocks of `context` tokens, cut where a "
        "block ends; false: a chain a row",
    )
    samples: int = Field(50, ge=0, description="chains drawn each epoch to be looked at; 0: none")

    learning_rate: float = TorchConfig.default("learning_rate", 4e-3)
    weight_decay: float = TorchConfig.default("weight_decay", 0.01)
    schedule: Literal["constant", "cosine", "one-cycle", "plateau"] = TorchConfig.default(
        "schedule", "cosine"
    )
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


class ClmSource(ChainSource):
    """Chains to learn from: light ones unless `chain` says otherwise."""

    chain: Literal["heavy", "light"] = Field("light", description="which chain of an antibody")


class ClmGenerate(DrawOptions, GenerateOptions):
    """How chains are drawn."""
