"""The hyperparameters of the perceptron on pairs."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from distrib.trainables.screens.base import ScreenConfig
from distrib.trainables.training.config import ScheduleName, TorchConfig


class MlpPairsConfig(TorchConfig, ScreenConfig):
    """The network, its training and its validation."""

    num_layers: int = Field(2, ge=1, le=16, description="hidden layers")
    hidden_width: int = Field(128, ge=1, le=65536, description="width of the first hidden layer")
    taper: float = Field(
        0.5,
        gt=0,
        le=1,
        description="width of each further hidden layer, as a fraction of the one before",
    )
    activation: Literal["relu", "gelu", "silu", "tanh"] = Field(
        "relu", description="activation function"
    )
    dropout: float = Field(
        0.0, ge=0, le=0.95, description="dropout probability, after each hidden layer"
    )
    weight_decay: float = TorchConfig.default("weight_decay", 1e-2)
    batch_rows: int = Field(16, ge=1, description="batch size, in rows of each fold")
    batch_genes: int = Field(
        256, ge=1, description="genes per batch, which holds batch_rows x batch_genes pairs"
    )
    schedule: ScheduleName = TorchConfig.default("schedule", "cosine")
    clip_norm: float = TorchConfig.default("clip_norm", 1.0)
