"""The hyperparameters of the perceptron."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from pydantic import Field

from distrib.trainables.screens.base import (
    ScreenConfig,
)

if TYPE_CHECKING:
    pass


class MlpConfig(ScreenConfig):
    """The network, its training and its validation."""

    num_layers: int = Field(2, ge=1, le=16, description="hidden layers")
    hidden_width: int = Field(256, ge=1, le=65536, description="units of the first hidden layer")
    taper: float = Field(
        1.0, gt=0, le=1, description="width of each further hidden layer over the one before"
    )
    activation: Literal["relu", "gelu", "silu", "tanh"] = Field(
        "relu", description="what follows each hidden layer"
    )
    dropout: float = Field(0.5, ge=0, le=0.95, description="share of hidden units left out a step")
    norm: Literal["none", "batch", "layer"] = Field(
        "none", description="normalisation before each activation"
    )
    loss: Literal["mse", "cross_entropy"] = Field(
        "mse",
        description="squared error of measured targets, or cross-entropy of rows that sum to 1",
    )
    learning_rate: float = Field(2e-3, gt=0, description="the schedule's peak")
    weight_decay: float = Field(1e-2, ge=0, description="AdamW's, decoupled")
    batch_size: int = Field(64, ge=1, description="most rows of a fold in a batch")
    epochs: int = Field(60, ge=1, description="passes over the training rows")
    schedule: Literal["constant", "cosine", "one-cycle", "plateau"] = Field(
        "cosine", description="how the learning rate moves; plateau watches the training loss"
    )
    warmup: float = Field(
        0.0, ge=0, lt=1, description="fraction of the steps in which the learning rate rises"
    )
    clip_norm: float = Field(1.0, ge=0, description="greatest length of a gradient; 0: unlimited")
    accumulate: int = Field(1, ge=1, description="batches whose gradients make one step")
    patience: int = Field(
        0, ge=0, description="epochs without a better pearson after which to stop; 0: never"
    )
