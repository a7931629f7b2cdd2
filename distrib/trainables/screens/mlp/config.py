"""The hyperparameters of the perceptron."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from distrib.trainables.screens.base import ScreenConfig
from distrib.trainables.training.config import RowBatches, ScheduleName, TorchConfig


class MlpConfig(RowBatches, TorchConfig, ScreenConfig):
    """The network, its training and its validation."""

    num_layers: int = Field(2, ge=1, le=16, description="hidden layers")
    hidden_width: int = Field(256, ge=1, le=65536, description="width of the first hidden layer")
    taper: float = Field(
        1.0,
        gt=0,
        le=1,
        description="width of each further hidden layer, as a fraction of the one before",
    )
    activation: Literal["relu", "gelu", "silu", "tanh"] = Field(
        "relu", description="activation function"
    )
    dropout: float = Field(
        0.5, ge=0, le=0.95, description="dropout probability, after each hidden layer"
    )
    norm: Literal["none", "batch", "layer"] = Field(
        "none", description="batch or layer normalisation, before each activation"
    )
    loss: Literal["mse", "cross_entropy"] = Field(
        "mse",
        description="loss: squared error, or cross-entropy where each row of targets sums to 1",
    )
    learning_rate: float = TorchConfig.default("learning_rate", 2e-3)
    weight_decay: float = TorchConfig.default("weight_decay", 1e-2)
    epochs: int = TorchConfig.default("epochs", 60)
    schedule: ScheduleName = TorchConfig.default("schedule", "cosine")
    clip_norm: float = TorchConfig.default("clip_norm", 1.0)
