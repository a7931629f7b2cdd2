"""A worker among others: data-parallel training with torch, over gloo on CPUs and NCCL on GPUs.

Whoever starts the processes calls `process_group` in each; a training gets its `TorchWorker`.
"""

from __future__ import annotations

import gc
import os
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np

from distrib.trainables.base import Worker

BACKENDS = {"cpu": "gloo", "cuda": "cpu:gloo,cuda:nccl"}  # sums of plain arrays stay on CPUs
PATIENCE = 1800.0  # seconds that a worker waits for the others in one operation


class TorchWorker(Worker):
    """One process of a torch process group that every worker of the training is in."""

    def wrap(self, model: Any) -> Any:
        """The model in DistributedDataParallel: `backward` leaves mean gradients over the workers.

        A loss that is a sum over a worker's rows becomes the mean over all rows of the step when it
        is divided by `rows of the step / world_size`.
        """
        from torch.nn.parallel import DistributedDataParallel

        # Gradients are views of the buffers that travel: one copy less a step.
        return DistributedDataParallel(model, gradient_as_bucket_view=True)

    def apart(self, model: Any) -> AbstractContextManager[Any]:
        """No exchange of gradients: they are added up until a backward pass outside of this."""
        return model.no_sync()

    def sum(self, array: np.ndarray) -> np.ndarray:
        """The sum of an array over the workers, at each of them."""
        import torch
        from torch import distributed

        total = torch.from_numpy(np.array(array, order="C"))
        distributed.all_reduce(total)
        return total.numpy()

    def agree(self, values: Sequence[float]) -> list[float]:
        """The values of rank 0, at every worker."""
        import torch
        from torch import distributed

        shared = torch.tensor(values, dtype=torch.float64)
        distributed.broadcast(shared, src=0)
        return shared.tolist()


@dataclass(frozen=True)
class Meeting:
    """A port at which the processes of a group find each other, on machines without a common disk.

    Attributes:
        host, port: of the first process. store: torch's store behind it, in that process alone.
    """

    host: str
    port: int
    store: Any = None

    @classmethod
    def here(cls, host: str, size: int) -> Meeting:
        """A port of this process, of the system's choice; the others are to be told of it."""
        from torch.distributed import TCPStore

        store = TCPStore(host, 0, size, is_master=True, wait_for_workers=False)
        return cls(host, store.port, store)

    def told(self) -> Meeting:
        """What the others are told."""
        return Meeting(self.host, self.port)


@contextmanager
def process_group(
    site: Worker, rank: int, size: int, meeting: Path | Meeting, *, one_node: bool
) -> Iterator[TorchWorker]:
    """The worker of this rank, once all `size` processes have come.

    Args:
        site: device, threads and precision of each worker.
        meeting: where they find each other. A file that all of them see and that is not there yet
            opens no port to strangers.
        one_node: whether all run on this machine; then they talk over its loopback alone.
    """
    from torch import distributed

    if one_node:
        os.environ["GLOO_SOCKET_IFNAME"] = "lo"
    store, file = None, None
    if isinstance(meeting, Path):
        file = f"file://{meeting.absolute()}"
    else:
        place = (meeting.host, meeting.port, size)
        store = meeting.store or distributed.TCPStore(
            *place, is_master=False, wait_for_workers=False
        )
    distributed.init_process_group(
        BACKENDS[site.device],
        init_method=file,
        store=store,
        rank=rank,
        world_size=size,
        timeout=timedelta(seconds=PATIENCE),
    )
    try:
        yield TorchWorker(rank, size, site.device, site.threads, site.precision)
    finally:
        # Wrapped models are cycles that hold on to the group, whose threads must end with it.
        gc.collect()
        distributed.destroy_process_group()
