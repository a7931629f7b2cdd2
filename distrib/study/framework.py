"""Making a process ready for a family: its framework imported, threads and device set."""

from __future__ import annotations

import os

from distrib.study.registry import load_family
from distrib.trainables.base import Worker


def prepare(trainable: str, worker: Worker) -> Worker:
    """Import the family's framework and set this thread to the worker's threads and device."""
    framework = load_family(trainable, allow_custom=True).framework
    if framework == "torch":
        import torch

        torch.set_num_threads(worker.threads)
    elif framework == "jax":
        os.environ.setdefault(
            "XLA_FLAGS",
            f"--xla_cpu_multi_thread_eigen={str(worker.threads > 1).lower()} "
            f"intra_op_parallelism_threads={worker.threads}",
        )
        import jax

        jax.config.update("jax_platforms", "cpu" if worker.device == "cpu" else None)
    return worker
