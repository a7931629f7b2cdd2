"""Making a process ready for a family: its framework imported, threads and device set."""

from __future__ import annotations

import os
from typing import Any

from distrib.trainables.base import Trainable, Worker


def prepare(family: Trainable[Any, Any, Any], worker: Worker) -> None:
    """Import what the family computes with; set this thread's number of threads and the device."""
    if family.framework == "torch":
        import torch

        torch.set_num_threads(worker.threads)
    elif family.framework == "jax":
        os.environ.setdefault(
            "XLA_FLAGS",
            f"--xla_cpu_multi_thread_eigen={str(worker.threads > 1).lower()} "
            f"intra_op_parallelism_threads={worker.threads}",
        )
        import jax

        jax.config.update("jax_platforms", "cpu" if worker.device == "cpu" else None)
