"""Fine-tuning of a sequence encoder by IA3: from nucleotides to the response of every gene.

The encoder is any of `transformers`, named by a folder or on a hub; without a name, a small one
with random weights, for a trial run. Its weights stay as they are: what is trained, kept and loaded
again are a few scaling vectors and a head.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from distrib.data.screens.example_screen import write_example
from distrib.data.screens.screen import Screen
from distrib.trainables.base import Fidelity, Progress, State, Worker
from distrib.trainables.capabilities import ArtifactInputs, ChecksRows
from distrib.trainables.extras import require
from distrib.trainables.screens.base import ScreenTrainable, folds_of
from distrib.trainables.screens.ia3.config import Ia3Config
from distrib.trainables.training.config import Recipe

if TYPE_CHECKING:
    from pathlib import Path


class Ia3(ScreenTrainable[Ia3Config], ChecksRows[Ia3Config, Screen]):
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
        from distrib.trainables.screens.ia3.task import load, tokens_of

        tokens_of(load(config), data)

    def progress(
        self, config: Ia3Config, data: Screen, worker: Worker, state: State | None = None
    ) -> Iterator[Progress]:
        """Train the folds in turn; each epoch scores every row out of fold."""
        from distrib.trainables.screens.ia3.task import Folds
        from distrib.trainables.training.folds_in_turn import train_in_turn

        folds = Folds(config, data, worker, folds_of(config, data))
        yield from train_in_turn(
            folds.tasks, Recipe.of(config, self.metrics), worker, folds.validate, state=state
        )

    def refit(
        self,
        config: Ia3Config,
        data: Screen,
        worker: Worker,
        budget: int | None,
        state: State | None = None,
    ) -> Iterator[Progress]:
        """Train one adapter on every row, for `budget` epochs of the schedule."""
        from distrib.trainables.screens.ia3.task import Folds
        from distrib.trainables.training.loop import train

        folds = Folds(config, data, worker, held_out=None)
        items = train(
            folds.tasks[0], Recipe.of(config, self.metrics), worker, budget=budget, state=state
        )
        yield from self.remember(config, data, items)

    def apply(self, config: Ia3Config, state: State, data: Screen, worker: Worker) -> np.ndarray:
        """(rows, G) predictions; the encoder is loaded from where it was."""
        from distrib.trainables.screens.ia3.task import apply_model

        require("ia3", "transformers", "peft")
        return apply_model(config, state, data, worker)

    def write_artifacts(
        self,
        config: Ia3Config,
        state: State,
        data: Screen,
        worker: Worker,
        folder: Path,
        inputs: ArtifactInputs,
    ) -> list[str]:
        """As of every screen; and what the tokenizer did not know."""
        from distrib.trainables.screens.ia3.task import load, tokens_of

        notes: list[str] = []
        tokens_of(load(config), data, notes)
        return [*super().write_artifacts(config, state, data, worker, folder, inputs), *notes]

    def fitted_mean(self, state: State) -> np.ndarray:
        """(G,) mean of the targets of the rows trained on, weighed as they are."""
        return state.arrays["model.head.target_mean"]

    def example(self, folder: Path) -> None:
        """A few of the gene ends of the default data, with the small encoder beside them."""
        from distrib.models.screens.encoders import small_encoder, write_encoder

        require("ia3", "transformers", "peft")
        write_example(folder)
        write_encoder(small_encoder(), folder / "encoder")
