"""The hyperparameters of a fine-tuned encoder."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from pydantic import Field

from distrib.trainables.screens.base import ScreenConfig

if TYPE_CHECKING:
    pass


class Ia3Config(ScreenConfig):
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
    learning_rate: float = Field(3e-3, gt=0, description="the schedule's peak")
    weight_decay: float = Field(0.0, ge=0, description="AdamW's, decoupled")
    batch_size: int = Field(32, ge=1, description="sequences of a step, of like length")
    epochs: int = Field(20, ge=1, description="passes over the training rows")
    schedule: Literal["constant", "cosine", "one-cycle", "plateau"] = Field(
        "constant", description="how the learning rate moves; plateau watches the training loss"
    )
    warmup: float = Field(
        0.0, ge=0, lt=1, description="fraction of the steps in which the learning rate rises"
    )
    clip_norm: float = Field(1.0, ge=0, description="greatest length of a gradient; 0: unlimited")
    accumulate: int = Field(1, ge=1, description="batches whose gradients make one step")
    patience: int = Field(
        0, ge=0, description="epochs without a better pearson after which to stop; 0: never"
    )
    checkpointing: bool = Field(
        False, description="compute activations again instead of keeping them: less memory"
    )
