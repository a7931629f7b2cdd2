"""What torch families share that train one network on rows and judge it by sums over batches.

A family says how rows become a batch, what their losses are, what is summed to judge a network and
what it predicts for a row; the rest is here and in `torch_training`.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
import pandas as pd

from distrib.trainables.base import Config, Data, Source, State, Worker
from distrib.trainables.capabilities import NamesRows
from distrib.trainables.training.batches import ArrayBatches, Batches
from distrib.trainables.training.device import autocast
from distrib.trainables.training.task import Batch, Use, inputs_of
from distrib.trainables.training.torch_training import SPLIT_SEED, TorchTraining

if TYPE_CHECKING:
    from torch import nn

__all__ = ["Batch", "TorchTrainable", "Use"]

C = TypeVar("C", bound=Config)
S = TypeVar("S", bound=Source)
D = TypeVar("D", bound=Data)


class TorchTrainable(TorchTraining[C, S, D]):
    """A network whose metrics follow from sums over batches, with a prediction for each row."""

    @abstractmethod
    def sums(self, config: C, model: nn.Module, inputs: dict[str, Any]) -> dict[str, Any]:
        """What is added up over batches and workers to judge a network: numbers or tensors."""

    @abstractmethod
    def figures(self, config: C, sums: dict[str, Any]) -> dict[str, float]:
        """Every metric of such sums, which are arrays of float64 by then."""

    @abstractmethod
    def apply(self, config: C, model: nn.Module, inputs: dict[str, Any]) -> pd.DataFrame:
        """Predictions, a row per row; without a column `id`, ids or places are put first."""

    def judge(
        self, config: C, model: nn.Module, data: D, values: Mapping[str, Any], worker: Worker
    ) -> dict[str, float]:
        """Every metric of a network on rows: `figures` of the `sums` of all workers."""
        import torch

        model.eval()
        batches = self._batches(config, data, worker)
        total: dict[str, Any] = {}
        with torch.inference_mode(), autocast(worker):
            for _, inputs in self._in_order(config, values, batches, "validate", worker):
                for name, value in self.sums(config, model, inputs).items():
                    added = torch.as_tensor(value).double()
                    total[name] = total[name] + added if name in total else added
            if not total:  # a worker without rows has a sum all the same, of nothing
                use = Use("validate", np.random.SeedSequence(0))
                batch = self.collate(config, values, batches.spare(), use)
                sums = self.sums(config, model, inputs_of(batch, worker))
                total = {name: torch.as_tensor(v).double() * 0 for name, v in sums.items()}
        return self.figures(config, _summed(total, worker))

    def predict(self, config: C, state: State, data: D, worker: Worker) -> pd.DataFrame:
        """A row per row, in the order of the data."""
        import torch

        self.check_rows(config, data, state.values)
        alone = replace(worker, rank=0, world_size=1)
        model = self._restored(config, state.values, state, worker).eval()
        batches = self._batches(config, data, alone)
        frames = []
        with torch.inference_mode(), autocast(worker):
            for _, inputs in self._in_order(config, state.values, batches, "predict", alone):
                frames.append(self.apply(config, model, inputs))
        frame = pd.concat(frames, ignore_index=True)
        if isinstance(batches, ArrayBatches):
            order = np.argsort(np.concatenate(batches.orders(0)))
            frame = frame.iloc[order].reset_index(drop=True)
        if "id" not in frame:
            ids = self.row_ids(data) if isinstance(self, NamesRows) else np.arange(len(frame))
            frame.insert(0, "id", ids)
        return frame

    def _in_order(
        self,
        config: C,
        values: Mapping[str, Any],
        batches: Batches,
        purpose: Any,
        worker: Worker,
    ) -> Iterator[tuple[Batch, dict[str, Any]]]:
        """Every batch of this worker once, and its inputs on the device."""
        seed = getattr(config, "split_seed", SPLIT_SEED)
        for number, part in enumerate(batches.epoch(0, batches.start)):
            for k, rows in enumerate(part.rows):
                use = Use(purpose, np.random.SeedSequence([seed, worker.rank, number, k]))
                batch = self.collate(config, values, rows, use)
                yield batch, inputs_of(batch, worker)


def _summed(sums: dict[str, Any], worker: Worker) -> dict[str, Any]:
    """The sums of all workers, in one exchange."""
    arrays = {name: sums[name].cpu().numpy() for name in sorted(sums)}
    flat = worker.sum(np.concatenate([array.ravel() for array in arrays.values()]))
    found, start = {}, 0
    for name, array in arrays.items():
        found[name] = flat[start : start + array.size].reshape(array.shape)
        start += array.size
    return found
