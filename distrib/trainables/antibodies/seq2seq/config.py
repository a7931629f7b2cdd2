"""The hyperparameters of the antibody generator, what it reads, and what may be asked of it."""

from __future__ import annotations

from pathlib import Path
from typing import Literal, Self

from pydantic import Field, model_validator

from distrib.trainables.antibodies.attention import AttentionDropout, FusedAttention
from distrib.trainables.antibodies.unknown_letters import UnknownLetters
from distrib.trainables.base import Source
from distrib.trainables.capabilities import GenerateOptions
from distrib.trainables.training.config import (
    Initialized,
    Optimized,
    RowBatches,
    ScheduleName,
    Switches,
    TorchConfig,
    Validated,
)


class Seq2SeqConfig(RowBatches, Validated, Optimized, Switches, Initialized, TorchConfig):
    """The network, its conditions and its training."""

    width: int = Field(64, ge=8, description="model width")
    num_heads: int = Field(4, ge=1, description="number of attention heads, a divisor of width")
    encoder_layers: int = Field(1, ge=1, le=48, description="layers that read the antigen")
    decoder_layers: int = Field(1, ge=1, le=48, description="layers that write the antibody")
    ffn_ratio: int = Field(4, ge=1, le=16, description="feed-forward width, in model widths")
    dropout: float = Field(0.1, ge=0, lt=1, description="dropout probability")
    attention_dropout: AttentionDropout = 0.0
    fused_attention: FusedAttention = True
    antigen: bool = Field(True, description="whether the antigen is read; false: an ablation")
    pkd: Literal["standardised", "raw", "none"] = Field(
        "standardised", description="how the pKd is added to every token of the antigen"
    )
    condition_decoder: bool = Field(
        False, description="whether the pKd is added to the antibody's tokens too"
    )
    pkd_dropout: float = Field(
        0.0, ge=0, lt=1, description="fraction of the records trained on without their pKd"
    )
    guidance: float = Field(
        1.0,
        ge=0,
        le=20,
        description="guidance scale on pKd in generation: how many times what it changes counts; "
        "another than 1 needs pkd_dropout",
    )
    label_smoothing: float = Field(
        0.1, ge=0, lt=1, description="label smoothing in training; validation is without"
    )
    source_context: int = Field(
        512, ge=8, description="context length of antigens in tokens, two special ones included"
    )
    target_context: int = Field(
        300, ge=8, description="context length of antibodies in tokens, START and END included"
    )
    on_long: Literal["error", "truncate"] = Field(
        "error", description="antigens longer than their context: refused, or cut and counted"
    )
    samples: int = Field(
        100, ge=0, description="antibodies drawn while it is trained, to be looked at; 0: none"
    )
    eval_every: int = Field(
        1, ge=1, description="epochs from one drawing of samples to the next; also after the last"
    )
    batch_tokens: int = Field(
        0, ge=0, description="tokens of a batch of like lengths as padded; 0: batch_size rows"
    )
    batch_size: int = RowBatches.default("batch_size", 16)
    learning_rate: float = TorchConfig.default("learning_rate", 4e-3)
    weight_decay: float = TorchConfig.default("weight_decay", 0.0)
    optimizer: Literal["adamw", "adam"] = Optimized.default("optimizer", "adam")
    schedule: ScheduleName = TorchConfig.default("schedule", "cosine")
    cosine_floor: float = Optimized.default("cosine_floor", 0.1)
    warmup: float = TorchConfig.default("warmup", 0.1)
    clip_norm: float = TorchConfig.default("clip_norm", 1.0)
    epochs: int = TorchConfig.default("epochs", 6)

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if self.width % self.num_heads:
            raise ValueError(f"width {self.width} is no multiple of num_heads {self.num_heads}")
        if self.pkd == "none" and (self.condition_decoder or self.pkd_dropout):
            raise ValueError("pkd is none: condition_decoder and pkd_dropout need one")
        if self.guidance != 1 and not self.pkd_dropout:
            raise ValueError(f"guidance {self.guidance:g} needs pkd_dropout above 0, such as 0.1")
        return self


class Seq2SeqSource(Source):
    """Records of antibodies with antigens and affinities; by default simulated ones."""

    validation: str | None = Field(None, description="file of the records to validate on")
    light: bool = Field(
        False, description="light chains too, where there are any; default data get some"
    )
    max_samples: int | None = Field(
        None, ge=10, description="only so many records to train on, a tenth as many to validate on"
    )
    on_unknown: UnknownLetters = Field(
        "error", description="letters outside the twenty: refused, read as X, or records left out"
    )
    records: int = Field(1500, ge=50, description="of the default data: number of records")
    rule: bool = Field(
        True, description="of the default data: whether CDRH3 depends on antigen and pKd"
    )


class Seq2SeqGenerate(GenerateOptions):
    """What antibodies are drawn for, and how."""

    antigen: Path = Field(description="FASTA file of antigens: antibodies are drawn for each")
    pkd: tuple[float, ...] = Field((9.0,), description="affinities asked for, such as 5,7,9")
    temperature: float = Field(1.0, ge=0, description="temperature of sampling; 0: the likeliest")
    top_k: int = Field(0, ge=0, description="draw among the k likeliest tokens; 0: all")
    top_p: float = Field(
        0.9, gt=0, le=1, description="draw among the likeliest tokens that sum to this probability"
    )
    beam: int = Field(
        1,
        ge=1,
        le=64,
        description="beams of a beam search, which draws nothing: the best --num of them",
    )
    guidance: float | None = Field(
        None, ge=0, le=20, description="guidance scale on pKd; without it: that of the model"
    )
    max_length: int = Field(300, ge=2, description="most tokens of an antibody")
    on_long: Literal["error", "truncate"] | None = Field(
        None,
        description="antigens longer than the model's context: refused, or cut and counted; "
        "without it: as it was trained",
    )
    batch: int = Field(128, ge=1, description="antibodies drawn at a time")
