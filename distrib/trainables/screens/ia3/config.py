"""The hyperparameters of a fine-tuned encoder."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from distrib.trainables.screens.base import ScreenConfig
from distrib.trainables.training.config import RowBatches, TorchConfig


class Ia3Config(RowBatches, TorchConfig, ScreenConfig):
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
    learning_rate: float = TorchConfig.default("learning_rate", 3e-3)
    batch_size: int = RowBatches.default("batch_size", 32)
    clip_norm: float = TorchConfig.default("clip_norm", 1.0)
    checkpointing: bool = Field(
        False, description="activation checkpointing: less memory, more time"
    )
