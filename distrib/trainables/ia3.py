"""Fine-tuning of a sequence encoder by IA3: from nucleotides to the response of every gene.

The encoder is any of `transformers`, named by a folder or on a hub; without a name, a small one
with random weights, for a trial run. Its weights stay as they are: what is trained, kept and loaded
again are a few scaling vectors and a head.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Literal

import numpy as np
from pydantic import Field

from distrib.data.example_screen import write_example
from distrib.data.screen import Screen
from distrib.trainables.base import Fidelity, Progress, State, Worker
from distrib.trainables.extras import require
from distrib.trainables.screens import METRICS, ScreenConfig, ScreenTrainable, folds_of
from distrib.trainables.training_rows import remember

if TYPE_CHECKING:
    from pathlib import Path

    from distrib.trainables.torch_loop import Recipe


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


class Ia3(ScreenTrainable[Ia3Config]):
    """A frozen encoder with IA3 adapters and a regression head, cross-validated fold by fold."""

    Config = Ia3Config
    fidelity = Fidelity(unit="epoch", config_key="epochs", selects="best")
    framework = "torch"
    precisions = ("float32", "bfloat16")
    devices = ("cpu", "cuda")
    needs = ("sequences",)

    def check(self, config: Ia3Config, data: Screen, num_workers: int = 1) -> None:
        """There are rows for every fold, targets and sequences, and what `check_rows` looks at."""
        super().check(config, data, num_workers)
        self.check_rows(config, data)

    def check_rows(self, config: Ia3Config, data: Screen) -> None:
        """The packages and the encoder are there, and no sequence is longer than it reads."""
        require("ia3", "transformers", "peft")
        from distrib.trainables.ia3_task import load, tokens_of

        tokens_of(load(config), data)

    def progress(
        self, config: Ia3Config, data: Screen, worker: Worker, state: State | None = None
    ) -> Iterator[Progress]:
        """Train the folds in turn; each epoch scores every row out of fold."""
        from distrib.trainables.folds_in_turn import train_in_turn
        from distrib.trainables.ia3_task import Folds

        folds = Folds(config, data, worker, folds_of(config, data))
        yield from train_in_turn(folds.tasks, recipe(config), worker, folds.validate, state=state)

    def refit(
        self,
        config: Ia3Config,
        data: Screen,
        worker: Worker,
        units: int | None,
        state: State | None = None,
    ) -> Iterator[Progress]:
        """Train one adapter on every row, for `units` epochs of the schedule."""
        from distrib.trainables.ia3_task import Folds
        from distrib.trainables.torch_loop import train

        folds = Folds(config, data, worker, held_out=None)
        items = train(folds.tasks[0], recipe(config), worker, units=units, state=state)
        yield from remember(items, self.row_ids(data))

    def apply(self, config: Ia3Config, state: State, data: Screen, worker: Worker) -> np.ndarray:
        """(rows, G) predictions; the encoder is loaded from where it was."""
        from distrib.trainables.ia3_task import apply_model

        require("ia3", "transformers", "peft")
        return apply_model(config, state, data, worker)

    def training_mean(self, state: State) -> np.ndarray:
        """(G,) mean of the targets of the rows trained on."""
        return state.arrays["model.head.target_mean"]

    def example(self, folder: Path) -> None:
        """A few of the gene ends of the default data, with the small encoder beside them."""
        from distrib.models.encoders import small_encoder, write_encoder

        require("ia3", "transformers", "peft")
        write_example(folder)
        write_encoder(small_encoder(), folder / "encoder")


def recipe(config: Ia3Config) -> Recipe:
    """What the loop needs to know of a configuration."""
    from distrib.trainables.torch_loop import Recipe

    return Recipe(
        epochs=config.epochs,
        learning_rate=config.learning_rate,
        weight_decay=config.weight_decay,
        schedule=config.schedule,
        warmup=config.warmup,
        clip_norm=config.clip_norm,
        accumulate=config.accumulate,
        patience=config.patience,
        monitor=METRICS,
    )
