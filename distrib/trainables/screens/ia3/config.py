"""The hyperparameters of a fine-tuned encoder."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from distrib.trainables.screens.base import ScreenConfig
from distrib.trainables.training.config import RowBatches, TorchConfig


class Ia3Config(RowBatches, TorchConfig, ScreenConfig):
    """The encoder, what is trained on it, and how."""

    encoder: str = Field(
        "", description="a folder, or a model of a hub; empty: a small one with random weights"
    )
    revision: str | None = Field(None, description="of a hub's repository: the hash of a commit")
    trust_remote_code: bool = Field(False, description="run code that comes with the encoder")
    pool: Literal["mean", "cls"] = Field(
        "mean", description="what of a sequence the head sees: the mean of its tokens, or the first"
    )
    dropout: float = Field(0.0, ge=0, le=0.95, description="of the head")
    learning_rate: float = TorchConfig.default("learning_rate", 3e-3)
    batch_size: int = RowBatches.default("batch_size", 32)
    clip_norm: float = TorchConfig.default("clip_norm", 1.0)
    checkpointing: bool = Field(
        False, description="compute activations again instead of keeping them: less memory"
    )
