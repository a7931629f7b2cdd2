"""The hyperparameters of heavy2light, what it reads, and what may be asked of it."""

from __future__ import annotations

from pathlib import Path
from typing import Literal, Self

from pydantic import Field, field_validator, model_validator

from distrib.trainables.antibodies.attention import AttentionDropout, FusedAttention
from distrib.trainables.antibodies.chains.drawing import DrawOptions
from distrib.trainables.antibodies.unknown_letters import UnknownLetters
from distrib.trainables.base import Source
from distrib.trainables.capabilities import GenerateOptions
from distrib.trainables.training.config import (
    Optimized,
    RowBatches,
    ScheduleName,
    Switches,
    TorchConfig,
    Validated,
)


class Heavy2LightConfig(RowBatches, Validated, Optimized, Switches, TorchConfig):
    """Both halves, what of them is trained, and how."""

    encoder: str | None = Field(
        None,
        description="best/ folder of an mlm, whose encoder reads heavy chains; none: a fresh one",
    )
    decoder: str | None = Field(
        None, description="best/ folder of a clm, which writes light chains; none: a fresh one"
    )
    trained: Literal["auto", "all", "adapters"] = Field(
        "auto",
        description="weights that are trained: all, or adapters alone beside cross-attention and "
        "projection; auto: adapters in a half that comes from a folder, all of a fresh one",
    )
    adapter_reduction: int = Field(
        16, ge=1, description="how many times narrower than the width adapters are"
    )
    encoder_hidden_size: int = Field(64, ge=8, description="width of a fresh encoder")
    encoder_layers: int = Field(1, ge=1, le=48, description="layers of a fresh encoder")
    encoder_heads: int = Field(4, ge=1, description="attention heads of a fresh encoder")
    encoder_context: int = Field(
        160,
        ge=8,
        description="most tokens of a heavy chain to a fresh encoder, two special ones in",
    )
    decoder_hidden_size: int = Field(64, ge=8, description="width of a fresh decoder")
    decoder_layers: int = Field(1, ge=1, le=48, description="layers of a fresh decoder")
    decoder_heads: int = Field(4, ge=1, description="attention heads of a fresh decoder")
    decoder_context: int = Field(
        160,
        ge=8,
        description="most tokens of a light chain to a fresh decoder, two special ones in",
    )
    ffn_ratio: int = Field(4, ge=1, description="feed-forward width of fresh halves, in widths")
    dropout: float = Field(0.1, ge=0, lt=1, description="dropout probability in both halves")
    attention_dropout: AttentionDropout = 0.0
    fused_attention: FusedAttention = True
    samples: int = Field(
        50, ge=0, description="light chains drawn each epoch and compared to the true ones; 0: none"
    )

    batch_size: int = RowBatches.default("batch_size", 16)
    learning_rate: float = TorchConfig.default("learning_rate", 4e-3)
    weight_decay: float = TorchConfig.default("weight_decay", 0.01)
    schedule: ScheduleName = TorchConfig.default("schedule", "cosine")
    warmup: float = TorchConfig.default("warmup", 0.1)
    clip_norm: float = TorchConfig.default("clip_norm", 1.0)
    epochs: int = TorchConfig.default("epochs", 4)

    @field_validator("encoder", "decoder")
    @classmethod
    def _absolute(cls, value: str | None) -> str | None:
        # A trial's process may be in another folder than whoever named the place.
        return None if value is None else str(Path(value).absolute())

    @model_validator(mode="after")
    def _heads_divide(self) -> Self:
        for half in ("encoder", "decoder"):
            width, heads = (getattr(self, f"{half}_{what}") for what in ("hidden_size", "heads"))
            if width % heads:
                raise ValueError(
                    f"{half}_hidden_size {width} is no multiple of {half}_heads {heads}"
                )
        return self

    @property
    def frozen(self) -> tuple[bool, bool]:
        """Whether the encoder's own weights, and the decoder's, stay as they are."""
        if self.trained == "auto":
            return self.encoder is not None, self.decoder is not None
        return (self.trained == "adapters",) * 2


class Heavy2LightSource(Source):
    """Pairs of heavy and light chains; by default simulated ones with a planted rule."""

    on_unknown: UnknownLetters = Field(
        "x", description="letters outside the twenty: refused, read as X, or their pairs left out"
    )
    pairs: int = Field(1000, ge=50, description="of the default data: number of pairs")
    rule: bool = Field(
        True,
        description="of the default data: whether the light chain depends on the heavy V family",
    )
    mutation_rate: float = Field(
        0.05, ge=0, le=0.5, description="of the default data: share of bases substituted"
    )


class Heavy2LightGenerate(DrawOptions, GenerateOptions):
    """Which heavy chains light ones are drawn for, and how."""

    heavy: Path = Field(description="FASTA file or table of heavy chains: light ones for each")
    temperature: float = Field(0.8, ge=0, description="temperature of sampling; 0: the likeliest")
    top_p: float = Field(
        0.85, gt=0, le=1, description="draw among the likeliest tokens that sum to this probability"
    )
    beam: int = Field(
        1, ge=1, le=64, description="beams of a beam search, which draws nothing; 1: none"
    )
    groups: int = Field(
        1, ge=1, description="groups of beams that avoid each other (diverse beam search)"
    )
    diversity: float = Field(
        1.0, ge=0, description="nats a token loses for each beam of another group that has it"
    )
