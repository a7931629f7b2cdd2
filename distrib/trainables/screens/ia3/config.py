"""The hyperparameters of a fine-tuned encoder."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from distrib.trainables.screens.base import ScreenConfig


class Ia3Config(ScreenConfig):
    """The encoder, what is trained on it, and how."""

    encoder: str = Field(
        "",
        description="pretrained encoder, a folder or a model of a hub; empty: a small random one",
    )
    revision: str | None = Field(None, description="commit hash of the hub's repository")
    trust_remote_code: bool = Field(False, description="run the code that comes with the encoder")
    pool: Literal["mean", "cls"] = Field(
        "mean", description="pooling: the mean over tokens, or the first token"
    )
    dropout: float = Field(0.0, ge=0, le=0.95, description="dropout probability, before the head")
    learning_rate: float = Field(3e-3, gt=0, description="peak learning rate")
    weight_decay: float = Field(0.0, ge=0, description="weight decay, decoupled as in AdamW")
    batch_size: int = Field(32, ge=1, description="batch size, in sequences of similar length")
    epochs: int = Field(20, ge=1, description="maximum number of epochs")
    schedule: Literal["constant", "cosine", "one-cycle", "plateau"] = Field(
        "constant", description="learning-rate schedule after warmup; plateau: on the training loss"
    )
    warmup: float = Field(
        0.0, ge=0, lt=1, description="linear warmup, as a fraction of all optimiser steps"
    )
    clip_norm: float = Field(1.0, ge=0, description="maximum gradient norm; 0: off")
    accumulate: int = Field(
        1, ge=1, description="batches per optimiser step (gradient accumulation)"
    )
    patience: int = Field(
        0, ge=0, description="early stopping: epochs without a better pearson; 0: off"
    )
    checkpointing: bool = Field(
        False, description="activation checkpointing: less memory, more time"
    )
