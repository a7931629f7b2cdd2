"""The hyperparameters of a masked language model, and what it reads."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, model_validator

from distrib.trainables.antibodies.chains.source import ChainSource
from distrib.trainables.training.config import (
    Optimized,
    Switches,
    TokenBatches,
    TorchConfig,
    Validated,
)


class MlmConfig(TokenBatches, Validated, Optimized, Switches, TorchConfig):
    """The network, what is masked, and how it is trained."""

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
        512, ge=8, le=4096, description="context length in tokens, two special ones included"
    )
    fused_attention: bool = Field(
        True, description="fused attention kernel (scaled_dot_product_attention)"
    )

    mask_share: float = Field(
        0.15, gt=0, le=0.5, description="fraction of residues that are masked"
    )
    mean_span: float = Field(
        1.0, ge=1, le=5, description="mean length of masked spans; 1: single residues"
    )
    cdr3_weight: float = Field(
        1.0, ge=0.1, le=10, description="masking rate of CDR3 residues, relative to the others"
    )
    focal_gamma: float = Field(
        0.0, ge=0, le=5, description="gamma of the focal loss; 0: cross-entropy"
    )

    learning_rate: float = TorchConfig.default("learning_rate", 2e-3)
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


class MlmSource(ChainSource):
    """Chains to learn from: heavy ones unless `chain` says otherwise."""
