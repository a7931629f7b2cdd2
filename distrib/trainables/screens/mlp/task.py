"""The MLP head as the loop of the torch families sees it: batches, losses, held-out scores."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from distrib.data.screens.scoring.scores import scores
from distrib.data.screens.screen import Screen
from distrib.trainables.base import State, Worker
from distrib.trainables.screens.base import as_frame, model_values, reference
from distrib.trainables.screens.mlp.data import training_targets
from distrib.trainables.screens.row_weights import weighed
from distrib.trainables.training.device import autocast, load_model, shared_tensor
from distrib.trainables.training.loop import Blocks
from distrib.trainables.training.widths import hidden_widths

if TYPE_CHECKING:
    from torch import Tensor

    from distrib.models.screens.folds import Batch
    from distrib.models.screens.mlp import StackedMLP
    from distrib.trainables.screens.mlp.config import MlpConfig


class MlpTask(Blocks):
    """Folds of one data set, trained side by side; a `Task` of the loop.

    Args:
        held_out: of each fold the rows it does not train on; None: one model on every row.
        only: folds to train, by number; None: all. A fold's numbers do not depend on the others.
    """

    def __init__(
        self,
        config: MlpConfig,
        data: Screen,
        worker: Worker,
        held_out: Sequence[np.ndarray] | None,
        only: Sequence[int] | None = None,
    ) -> None:
        from distrib.models.screens.folds import FoldData, Layout, stream

        inputs, targets = data.inputs, training_targets(config, data)
        parts: Sequence[np.ndarray] = held_out or [np.array([], dtype=np.int64)]
        per_row = config.loss == "cross_entropy"
        counts = np.nansum(targets, axis=1) > 0 if per_row else None
        training, weights = weighed(
            config.row_weights,
            data,
            [np.setdiff1d(np.arange(len(inputs)), part) for part in parts],
            counts,
        )
        layout = Layout.of([len(rows) for rows in training], config.batch_size)
        chosen = list(range(len(parts)) if only is None else only)
        self.held_out = None if held_out is None else [parts[k] for k in chosen]
        self.judged = None if self.held_out is None else data.take(np.concatenate(self.held_out))
        self.inputs = shared_tensor(inputs, worker)
        self.targets = shared_tensor(targets, worker)
        self.folds = FoldData(
            self.inputs,
            self.targets,
            [training[k] for k in chosen],
            labels=chosen,
            layout=layout,
            hidden=hidden_widths(config),
            dropout=config.dropout,
            per_row=per_row,
            seed=config.seed,
            weights=None
            if weights is None
            else shared_tensor(weights[chosen].astype(np.float32), worker),
        )
        generators = [stream(config.seed, k, "weights") for k in chosen]
        self.model = build_model(config, inputs.shape[1], targets.shape[1], generators)
        self.model.to(worker.device)
        self.folds.fit_standards(self.model)
        self.replicas = len(chosen)
        self.num_blocks = self.folds.num_blocks
        self.num_batches = layout.steps
        self.values = model_values(data)
        self.data = data
        self.means = None if weights is None or held_out is None else reference(config, data)
        self.predicted: np.ndarray | None = None

    def block(self, epoch: int, index: int) -> list[Batch]:
        """The batches of a block, of all folds at once."""
        return self.folds.block(self.model, epoch, index)

    def losses(self, model: StackedMLP, batch: Batch) -> Tensor:
        """(folds,) mean loss of a batch."""
        output = model(batch.x, batch.masks, batch.weight)
        return model.losses(output, batch.y, batch.entries, batch.measured)

    def validate(self) -> dict[str, float] | None:
        """Every metric of the predictions for rows held out, pooled over the folds."""
        if self.held_out is None or self.judged is None:
            return None
        rows = np.concatenate(self.held_out)
        predicted, loss = self.predict_held_out()
        sizes = [len(part) for part in self.held_out]
        if self.means is None:
            means = np.repeat(self.model.target_mean[:, 0].cpu().numpy(), sizes, 0)
        else:
            means = self.means[rows]
        parts = np.repeat(np.arange(len(sizes)), sizes)
        self.predicted = predicted
        return {**scores(predicted[rows], self.judged, means, parts), "loss": loss}

    def held_out_frame(self) -> Callable[[], pd.DataFrame]:
        """Makes a table of the predictions that `validate` judged last."""
        assert self.predicted is not None
        return partial(as_frame, self.data.ids, self.data.columns.tolist(), self.predicted)

    def predict_held_out(self) -> tuple[np.ndarray, float]:
        """(rows, G) predictions, NaN for rows that no trained fold held out; and their loss."""
        from distrib.models.screens.folds import predict_held_out

        assert self.held_out is not None
        predicted, loss = predict_held_out(self.model, self.inputs, self.targets, self.held_out)
        return predicted.cpu().numpy(), float(loss)


def build_model(
    config: MlpConfig, num_inputs: int, num_targets: int, generators: Sequence[Any]
) -> StackedMLP:
    """The network of a configuration, a fold for each generator."""
    from distrib.models.screens.mlp import StackedMLP

    return StackedMLP(
        (num_inputs, *hidden_widths(config), num_targets),
        generators,
        activation=config.activation,
        norm=config.norm,
        loss=config.loss,
    )


def apply_model(
    config: MlpConfig, state: State, inputs: np.ndarray, targets: np.ndarray, worker: Worker
) -> tuple[np.ndarray, float]:
    """A refitted model on rows: (rows, G) predictions, and its loss.

    Args:
        inputs: (rows, d). targets: (rows, G), NaN where not measured.
    """
    from distrib.models.screens.folds import predict_held_out, stream

    size = state.arrays["model.input_mean"].shape[-1], len(state.values["columns"])
    model = build_model(config, *size, [stream(0, 0, "weights")])
    load_model(model, state)
    model.to(worker.device).eval()
    with autocast(worker):
        predicted, loss = predict_held_out(
            model,
            shared_tensor(inputs, worker),
            shared_tensor(targets, worker),
            [np.arange(len(inputs))],
        )
    return predicted.cpu().numpy(), float(loss)
