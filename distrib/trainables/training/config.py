"""The hyperparameters that torch families have in common, written once, and what the loop reads.

`TorchConfig` has what every training has; the mixins beside it are for the families that can do
what they name. A family's own default, with the bounds and the help of the field:
`learning_rate: float = TorchConfig.default("learning_rate", 3e-4)`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from copy import copy
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, Field, field_validator

from distrib.trainables.base import Config, Metric

ScheduleName = Literal["constant", "cosine", "one-cycle", "plateau"]


class _Fields(BaseModel):
    @classmethod
    def default(cls, name: str, value: Any) -> Any:
        """The field of this name with another default."""
        field = copy(cls.model_fields[name])
        field.default = value
        field._attributes_set = {**field._attributes_set, "default": value}
        return field


class RowBatches(_Fields):
    """Batches of so many rows."""

    batch_size: int = Field(64, ge=1, description="batch size, in rows over all workers")
    accumulate: int = Field(
        1, ge=1, description="batches per optimiser step (gradient accumulation)"
    )


class TokenBatches(_Fields):
    """Batches of so many tokens, of rows of like length."""

    batch_tokens: int = Field(
        8192, ge=1, description="batch size, in tokens with padding, over all workers"
    )
    accumulate: int = Field(
        1, ge=1, description="batches per optimiser step (gradient accumulation)"
    )


class Validated(_Fields):
    """What is validated on, where the data do not say it by a column `split`."""

    held_out: float = Field(
        0.1, gt=0, lt=1, description="fraction of the groups held out for validation"
    )
    split_seed: int = Field(
        0, ge=0, description="seed of the validation split, the same for all trials"
    )


class Optimized(_Fields):
    """The optimiser, and the ends of its schedules."""

    optimizer: Literal["adamw", "adam"] = Field("adamw", description="optimiser")
    cosine_floor: float = Field(
        0.0, ge=0, le=1, description="final learning rate of a cosine, as a fraction of the peak"
    )
    plateau_on: Literal["training", "validation"] = Field(
        "training", description="the loss that the plateau schedule watches"
    )
    plateau_patience: int = Field(
        3, ge=0, description="epochs without a lower loss before plateau lowers the learning rate"
    )
    plateau_factor: float = Field(
        0.5, gt=0, lt=1, description="factor by which plateau lowers the learning rate"
    )


class Initialized(_Fields):
    """A beginning other than random weights."""

    init: str | None = Field(
        None, description="weights to begin with: a best/ folder, a .safetensors or a .pt file"
    )

    @field_validator("init")
    @classmethod
    def _absolute(cls, value: str | None) -> str | None:
        # A trial's process may be in another folder than whoever named the file.
        return None if value is None else str(Path(value).absolute())


class Switches(_Fields):
    """What makes a training cheaper and leaves its figures."""

    checkpoint_activations: bool = Field(
        False, description="less memory: compute activations again in the backward pass"
    )
    compile: bool = Field(False, description="compile the network by torch.compile")


class TorchConfig(Config, _Fields):
    """How a network is trained."""

    learning_rate: float = Field(1e-3, gt=0, description="peak learning rate")
    weight_decay: float = Field(
        0.0, ge=0, description="weight decay: decoupled in AdamW, L2 penalty in Adam"
    )
    epochs: int = Field(20, ge=1, description="maximum number of epochs")
    schedule: ScheduleName = Field("constant", description="learning-rate schedule after warmup")
    warmup: float = Field(
        0.0, ge=0, lt=1, description="linear warmup, as a fraction of all optimiser steps"
    )
    clip_norm: float = Field(0.0, ge=0, description="maximum gradient norm; 0: off")
    patience: int = Field(0, ge=0, description="early stopping: epochs without improvement; 0: off")


@dataclass(frozen=True)
class Recipe:
    """How to train.

    Attributes:
        epochs: length of the schedule, and of the training unless it is cut.
        learning_rate, weight_decay: one for all, or one for each replica.
        warmup: fraction of the steps in which the learning rate rises.
        clip_norm: greatest length of a replica's gradient; 0 leaves it.
        accumulate: batches whose gradients are averaged before a step.
        patience: epochs without a better `monitor` after which the training stops; 0 never stops.
        monitor: the metrics that may be watched, in order.
        min_epochs: up to and with this one, no epoch is the last for want of patience.
        no_decay: no weight decay for biases and norms.
    """

    epochs: int
    learning_rate: float | Sequence[float] = 1e-3
    weight_decay: float | Sequence[float] = 0.0
    schedule: ScheduleName = "constant"
    warmup: float = 0.0
    clip_norm: float = 0.0
    accumulate: int = 1
    patience: int = 0
    monitor: Sequence[Metric] = ()
    min_epochs: int = 0
    optimizer: Literal["adamw", "adam"] = "adamw"
    no_decay: bool = False
    cosine_floor: float = 0.0
    plateau_on: Literal["training", "validation"] = "training"
    plateau_patience: int = 3
    plateau_factor: float = 0.5

    @classmethod
    def of(cls, config: Config, monitor: Sequence[Metric], *, no_decay: bool = False) -> Recipe:
        """What a configuration says, and the defaults above for what it does not know."""
        known = {f.name: getattr(config, f.name) for f in fields(cls) if hasattr(config, f.name)}
        return cls(**{**known, "monitor": monitor, "no_decay": no_decay})

    @property
    def moves(self) -> bool:
        """Whether the learning rate depends on how much of the training is done."""
        return self.warmup > 0 or self.schedule in ("cosine", "one-cycle")

    def watched(self, metrics: Mapping[str, float]) -> float | None:
        """What `patience` looks at, greater is better: the first of `monitor` that is known."""
        for metric in self.monitor if self.patience else ():
            if metric.name in metrics:
                return metrics[metric.name] * (1 if metric.direction == "max" else -1)
        return None

    def loss_of(self, metrics: Mapping[str, float]) -> float | None:
        """The metric `loss`, else the first of `monitor`; smaller is better."""
        if "loss" in metrics:
            return metrics["loss"]
        for metric in self.monitor:
            if metric.name in metrics:
                return metrics[metric.name] * (1 if metric.direction == "min" else -1)
        return None
