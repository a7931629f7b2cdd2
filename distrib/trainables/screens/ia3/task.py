"""Sequences and adapters as the loop of the torch families sees them: a task for each fold."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from distrib.data.files.ids import examples
from distrib.data.screens.scoring.scores import scores
from distrib.data.screens.screen import Screen
from distrib.data.streams.length_batches import by_budget, by_size
from distrib.errors import InputError
from distrib.trainables.base import State, Worker
from distrib.trainables.screens.base import (
    as_frame,
    model_values,
    parts_of,
    reference,
    require_targets,
)
from distrib.trainables.screens.ia3.embedder import BUDGET
from distrib.trainables.screens.row_weights import weighed
from distrib.trainables.training.device import autocast, load_model, shared_tensor
from distrib.trainables.training.loop import Blocks

if TYPE_CHECKING:
    from torch import Tensor

    from distrib.models.screens.adapters import Adapted
    from distrib.models.screens.encoders import Encoder
    from distrib.trainables.screens.ia3.config import Ia3Config

BLOCK_STEPS = 8
"""Batches between two chances to save or stop."""

_ORDER, _DROPOUT = 0, 1


class FoldTask(Blocks):
    """One fold; a `Task` of the loop.

    Args:
        rows: that it trains on. weights: (N,) of all rows, with a mean of 1 over the targets that
            it trains on; None: all alike.
    """

    replicas = 1

    def __init__(
        self,
        config: Ia3Config,
        folds: Folds,
        model: Adapted,
        rows: np.ndarray,
        fold: int,
        weights: Tensor | None = None,
    ) -> None:
        self.config, self.folds, self.model, self.rows, self.fold = config, folds, model, rows, fold
        self.weights = weights
        self.num_batches = -(-len(rows) // config.batch_size)
        self.num_blocks = -(-self.num_batches // BLOCK_STEPS)
        self.values = folds.values
        self._fit_standards()

    def block(self, epoch: int, index: int) -> Iterator[np.ndarray]:
        """Rows of the batches of a block."""
        import torch

        seed = [self.config.seed, self.fold, epoch]
        lengths = self.folds.lengths[self.rows]
        batches = by_size(lengths, self.config.batch_size, np.random.default_rng([*seed, _ORDER]))
        # The encoder's own dropout draws from torch's global numbers.
        torch.manual_seed(
            int(np.random.SeedSequence([*seed, _DROPOUT, index]).generate_state(1)[0])
        )
        self.model.use()
        for batch in batches[index * BLOCK_STEPS : (index + 1) * BLOCK_STEPS]:
            yield self.rows[batch]

    def losses(self, model: Adapted, batch: np.ndarray) -> Tensor:
        """(1,) mean loss of a batch over the measured targets."""
        import torch

        output = model(*self.folds.tokens_of(batch)).float()
        rows = torch.from_numpy(batch).to(output.device)
        targets = self.folds.targets[rows]
        measured = torch.isfinite(targets)
        head = model.head
        wanted = (targets.nan_to_num(0.0) - head.target_mean) / head.target_scale
        squares = (output - wanted).square() * measured
        if self.weights is not None:
            squares = squares * self.weights[rows][:, None]
        return (squares.sum() / measured.sum().clamp(min=1))[None]

    def validate(self) -> None:
        """Scores are those of all folds together: see `Folds.validate`."""

    def _fit_standards(self) -> None:
        import torch

        from distrib.models.screens.standards import target_standards

        rows = torch.from_numpy(self.rows).to(self.folds.targets.device)
        y = self.folds.targets[rows]
        weights = None if self.weights is None else self.weights[rows]
        mean, scale = target_standards(y.nan_to_num(0.0), torch.isfinite(y), weights)
        self.model.head.target_mean.copy_(mean)
        self.model.head.target_scale.copy_(scale)


class Folds:
    """All folds over one encoder.

    Args:
        held_out: of each fold the rows it does not train on; None: one model on every row.
    """

    def __init__(
        self,
        config: Ia3Config,
        data: Screen,
        worker: Worker,
        held_out: Sequence[np.ndarray] | None,
    ) -> None:
        from distrib.models.screens.adapters import adapted

        self.data, self.worker, self.held_out = data, worker, held_out
        self.encoder = load(config)
        self.values = {**model_values(data), "encoder": self.encoder.fingerprint()}
        self.targets = shared_tensor(require_targets(data), worker)
        self.tokens = tokens_of(self.encoder, data)
        self.lengths = np.array([len(row) for row in self.tokens])
        every = np.arange(len(data))
        training, weights = weighed(
            config.row_weights,
            data,
            [np.setdiff1d(every, part) for part in held_out or [every[:0]]],
        )
        own = None if weights is None else shared_tensor(weights.astype(np.float32), worker)
        self.models = adapted(
            self.encoder,
            len(training),
            len(data.columns),
            pooling=config.pool,
            dropout=config.dropout,
            checkpointing=config.checkpointing,
            seed=config.seed,
        )
        for model in self.models:
            model.shared.to(worker.device)
            model.to(worker.device)
        self.means = None if held_out is None else reference(config, data)
        self.parts = None if held_out is None else parts_of(config, data)
        self.tasks = [
            FoldTask(config, self, model, rows, fold, None if own is None else own[fold])
            for fold, (model, rows) in enumerate(zip(self.models, training))
        ]

    def tokens_of(self, rows: np.ndarray) -> tuple[Tensor, Tensor]:
        """(n, tokens) token numbers of rows, and which of them are tokens."""
        return batch_of(self.encoder, [self.tokens[row] for row in rows], self.worker)

    def validate(self) -> tuple[dict[str, float], Callable[[], pd.DataFrame]]:
        """Every metric of the predictions for rows held out, and a table of these."""
        assert self.held_out is not None and self.means is not None
        predicted = np.empty(self.means.shape, dtype=np.float32)
        for model, part in zip(self.models, self.held_out):
            tokens = [self.tokens[row] for row in part]
            predicted[part] = predict(self.encoder, model, tokens, self.worker)
        frame = partial(as_frame, self.data.ids, self.data.columns.tolist(), predicted)
        return scores(predicted, self.data, self.means, self.parts), frame


def load(config: Ia3Config) -> Encoder:
    """The encoder of a configuration.

    Raises:
        InputError: as `load_encoder`; weights that are not finite.
    """
    from distrib.models.screens.encoders import load_encoder

    encoder = load_encoder(
        config.encoder, revision=config.revision, trust_remote_code=config.trust_remote_code
    )
    if broken := encoder.not_finite():
        raise InputError(
            "weights that are not finite",
            file=config.encoder,
            found=examples(broken),
            expected="finite numbers",
            hint="load the checkpoint anew, or take another",
        )
    return encoder


def tokens_of(encoder: Encoder, data: Screen, notes: list[str] | None = None) -> list[np.ndarray]:
    """The token numbers of every row; `notes` gets a line for what is unknown among them."""
    assert data.sequences is not None
    return encoder.tokens(data.sequences, data.ids.tolist(), notes=notes)


def batch_of(
    encoder: Encoder, tokens: Sequence[np.ndarray], worker: Worker
) -> tuple[Tensor, Tensor]:
    """(n, tokens) numbers of these rows, padded, and which of them are tokens."""
    import torch

    numbers, there = encoder.pad(tokens)
    return tuple(torch.from_numpy(a).to(worker.device) for a in (numbers, there))  # type: ignore[return-value]


def predict(
    encoder: Encoder, model: Adapted, tokens: Sequence[np.ndarray], worker: Worker
) -> np.ndarray:
    """(rows, G) of a fold's model; rows of like length together."""
    import torch

    model.eval()
    found = np.empty((len(tokens), len(model.head.target_mean)), dtype=np.float32)
    with torch.inference_mode(), autocast(worker):
        for rows in by_budget(np.array([len(row) for row in tokens]), BUDGET):
            output = model(*batch_of(encoder, [tokens[row] for row in rows], worker))
            found[rows] = model.profile(output.float()).cpu().numpy()
    return found


def apply_model(config: Ia3Config, state: State, data: Screen, worker: Worker) -> np.ndarray:
    """(rows, G) predictions of a refitted model.

    Raises:
        InputError: the encoder is not the one that it was trained on.
    """
    from distrib.models.screens.adapters import adapted

    encoder = load(config)
    if encoder.fingerprint() != state.values["encoder"]:
        raise InputError(
            "this encoder is not the one that the model was trained on: its weights differ",
            file=config.encoder or "the small encoder",
        )
    (model,) = adapted(
        encoder,
        1,
        len(state.values["columns"]),
        pooling=config.pool,
        dropout=config.dropout,
        checkpointing=False,
        seed=0,
    )
    load_model(model, state)
    model.shared.to(worker.device)
    model.to(worker.device)
    return predict(encoder, model, tokens_of(encoder, data), worker)
