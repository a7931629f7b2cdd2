"""Arrays and weights on a worker's device, in its precision."""

from __future__ import annotations

import warnings
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any

import numpy as np

from distrib.trainables.base import State, Worker

if TYPE_CHECKING:
    from torch import Tensor, nn


def autocast(worker: Worker) -> AbstractContextManager[Any]:
    """Matrix products in `worker.precision`; parameters and sums stay in float32."""
    import torch

    half = worker.precision == "bfloat16"
    return torch.autocast(worker.device, dtype=torch.bfloat16, enabled=half)


def shared_tensor(array: np.ndarray, worker: Worker) -> Tensor:
    """An array as a tensor, uncopied on a CPU even where it is read-only; never write to it."""
    import torch

    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="The given NumPy array is not writable")
        return torch.from_numpy(array).to(worker.device)


def on_device(value: Any, worker: Worker) -> Any:
    """An array or a tensor on the worker's device; anything else as it is."""
    import torch

    if isinstance(value, np.ndarray):
        return shared_tensor(value, worker)
    return value.to(worker.device) if isinstance(value, torch.Tensor) else value


def load_model(model: nn.Module, state: State) -> None:
    """Give a model the weights and buffers of a state."""
    import torch

    arrays = {
        name.removeprefix("model."): torch.from_numpy(np.array(array))
        for name, array in state.arrays.items()
        if name.startswith("model.")
    }
    model.load_state_dict(arrays)
