"""The hyperparameters of the perceptron on pairs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from pydantic import Field

from distrib.trainables.screens.base import ScreenConfig

if TYPE_CHECKING:
    pass


class MlpPairsConfig(ScreenConfig):
    """The network, its training and its validation."""

    num_layers: int = Field(2, ge=1, le=16, description="hidden layers")
    hidden_width: int = Field(128, ge=1, le=65536, description="units of the first hidden layer")
    taper: float = Field(
        0.5, gt=0, le=1, description="width of each further hidden layer over the one before"
    )
    activation: Literal["relu", "gelu", "silu", "tanh"] = Field(
        "relu", description="what follows each hidden layer"
    )
    dropout: float = Field(0.0, ge=0, le=0.95, description="share of hidden units left out a step")
    learning_rate: float = Field(1e-3, gt=0, description="the schedule's peak")
    weight_decay: float = Field(1e-2, ge=0, description="AdamW's, decoupled")
    batch_rows: int = Field(16, ge=1, description="rows of a fold in a batch")
    batch_genes: int = Field(256, ge=1, description="genes in a batch: its pairs are rows x genes")
    epochs: int = Field(20, ge=1, description="passes over the pairs")
    schedule: Literal["constant", "cosine", "one-cycle", "plateau"] = Field(
        "cosine", description="how the learning rate moves; plateau watches the training loss"
    )
    warmup: float = Field(
        0.0, ge=0, lt=1, description="fraction of the steps in which the learning rate rises"
    )
    clip_norm: float = Field(1.0, ge=0, description="greatest length of a gradient; 0: unlimited")
    patience: int = Field(
        0, ge=0, description="epochs without a better pearson after which to stop; 0: never"
    )
