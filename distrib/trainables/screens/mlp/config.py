"""The hyperparameters of the perceptron."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from distrib.trainables.screens.base import ScreenConfig


class MlpConfig(ScreenConfig):
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
    learning_rate: float = Field(2e-3, gt=0, description="peak learning rate")
    weight_decay: float = Field(1e-2, ge=0, description="weight decay, decoupled as in AdamW")
    batch_size: int = Field(64, ge=1, description="batch size, in rows of each fold")
    epochs: int = Field(60, ge=1, description="maximum number of epochs")
    schedule: Literal["constant", "cosine", "one-cycle", "plateau"] = Field(
        "cosine", description="learning-rate schedule after warmup; plateau: on the training loss"
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
