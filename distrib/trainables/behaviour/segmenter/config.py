"""The hyperparameters of the segmenter; names and defaults are those that daart ships."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field

from distrib.trainables.behaviour.config import Sequences
from distrib.trainables.training.config import Initialized, Switches, TorchConfig


class SegmenterConfig(Sequences, Initialized, Switches, TorchConfig):
    """The network, its heads, its training and its validation."""

    seeds: ClassVar[tuple[str, ...]] = ("seed", "rng_seed_model")

    backbone: Literal["dtcn", "temporal-mlp", "lstm", "gru"] = Field(
        "dtcn", description="network: dilated TCN, perceptron over lags, LSTM or GRU"
    )
    n_hid_layers: int = Field(
        2, ge=0, le=12, description="layers; of the dilated TCN residual blocks"
    )
    n_hid_units: int = Field(32, ge=1, le=4096, description="hidden units of each layer")
    n_lags: int = Field(
        4, ge=0, le=256, description="frames on either side that a convolution looks at"
    )
    activation: Literal["linear", "relu", "lrelu", "sigmoid", "tanh"] = Field(
        "lrelu", description="activation (dtcn, temporal-mlp)"
    )
    dropout: float = Field(0.1, ge=0, lt=1, description="dropout of whole channels (dtcn)")
    bidirectional: bool = Field(True, description="both directions of time (lstm, gru)")
    variational: bool = Field(False, description="features drawn from a learned normal")
    lambda_strong: float = Field(1.0, ge=0, description="weight of the loss on hand labels")
    lambda_weak: float = Field(1.0, ge=0, description="weight of the loss on heuristic labels")
    lambda_pred: float = Field(1.0, ge=0, description="weight of the loss on the next frame")
    lambda_recon: float = Field(0.0, ge=0, description="weight of the loss on the frame itself")
    lambda_task: float = Field(0.0, ge=0, description="weight of the loss on task signals")
    weight_classes: bool | None = Field(
        None, description="weight classes by their rarity; default: as the data say, else no"
    )
    classifier_type: Literal["multiclass", "binary"] = Field(
        "multiclass", description="binary: every frame is scored, background included"
    )
    semi_supervised_algo: Literal["pseudo_labels", "ups"] | None = Field(
        None, description="labels of the network's own for frames without hand labels"
    )
    prob_threshold: float = Field(0.9, gt=0, le=1, description="probability from which it labels")
    variance_threshold: float = Field(
        0.05, ge=0, description="most variance over dropout at which it labels (ups)"
    )
    anneal_start: int = Field(25, ge=0, description="epoch of the first labels of its own")
    anneal_end: int = Field(50, ge=0, description="epoch from which they have their whole weight")
    kl_anneal_epochs: int = Field(
        100, ge=0, description="epochs in which the weight of the KL term rises to 1 (variational)"
    )
    batch_size: int = Field(2, ge=1, description="sequences of a batch")
    rng_seed_model: int | None = Field(
        None, ge=0, description="seed of the initial weights; default: seed"
    )
    learning_rate: float = TorchConfig.default("learning_rate", 1e-4)
    epochs: int = TorchConfig.default("epochs", 500)
    min_epochs: int = Field(10, ge=0, description="epochs before which no training stops early")
    patience: int = TorchConfig.default("patience", 5)
