"""Making a process ready for a family, and clearing it up between two trainings."""

from __future__ import annotations

import gc
import os
import resource
import sys
from contextlib import suppress
from typing import Any

import pyarrow as pa

from distrib.cluster.environment import thread_settings
from distrib.errors import InputError
from distrib.trainables.base import Trainable, Worker
from distrib.trainables.extras import require


def prepare(family: Trainable[Any, Any, Any], worker: Worker) -> None:
    """Import what the family computes with, give it `worker.threads` threads and its device.

    The environment is set for what is loaded later (XGBoost's OpenMP) and for child processes; BLAS
    libraries that are loaded already have read theirs (see `environment.set_environment`).

    Raises:
        InputError: the family's framework cannot use the device here.
    """
    os.environ.update(thread_settings(worker.threads))
    pa.set_cpu_count(worker.threads)
    pa.set_io_thread_count(worker.threads)
    if family.framework == "torch":
        _prepare_torch(worker)
    elif family.framework == "jax":
        _prepare_jax(worker)
    elif family.framework == "xgboost":
        _prepare_xgboost(worker)
    if _collects(worker):
        # What is there now stays: `release` then looks at what a training left, in microseconds
        # instead of the 0.2 s that torch, Ray and pandas take to be looked through.
        gc.freeze()


def release(family: Trainable[Any, Any, Any], worker: Worker) -> None:
    """Give back what a training left on the GPU, before the next one in this process.

    torch returns the blocks of its cache that nobody uses, so that trials of other processes on
    the same GPU can have them. JAX cannot: its pool keeps what it once took until the process ends.
    Arrays that nobody holds are free in it for the next training of this process, and as it does
    not preallocate, it has taken no more than its largest training needed.

    In one process on a CPU there is nothing to do: memory goes back with the last reference, or the
    next time Python collects. The workers of a group let go of their wrapped models at once.
    """
    if not _collects(worker):
        return
    gc.collect()  # models and optimizers refer to themselves
    if family.framework == "torch":
        import torch

        torch.cuda.empty_cache()


def peak_memory(family: Trainable[Any, Any, Any], worker: Worker) -> int:
    """The most memory that this process had so far, in bytes; on a GPU, by its framework there."""
    if worker.device != "cpu" and family.framework == "torch":
        import torch

        return int(torch.cuda.max_memory_allocated())
    if worker.device != "cpu" and family.framework == "jax":
        import jax

        return int(jax.devices()[0].memory_stats()["peak_bytes_in_use"])
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return int(peak if sys.platform == "darwin" else peak * 1024)


def _collects(worker: Worker) -> bool:
    """Whether what a training left is looked for before the next one."""
    return worker.device != "cpu" or worker.world_size > 1


def _prepare_torch(worker: Worker) -> None:
    import torch

    torch.set_num_threads(worker.threads)
    if torch.get_num_interop_threads() != worker.threads:
        with suppress(RuntimeError):  # once something ran beside something else it is too late
            torch.set_num_interop_threads(worker.threads)
    if worker.device == "cuda" and not torch.cuda.is_available():
        raise InputError(
            "torch cannot use a GPU here",
            where="--device",
            found=f"torch {torch.__version__}, {_visible()}",
            expected="a CUDA build of torch, and a GPU with its driver",
            hint="install torch with CUDA from https://pytorch.org on every node"
            if torch.version.cuda is None
            else "python -m distrib.doctor tells which GPUs there are",
        )


def _prepare_jax(worker: Worker) -> None:
    import jax

    if worker.device == "cpu":
        jax.config.update("jax_platforms", "cpu")
        return
    # Without the CUDA plugin JAX would take the CPU and say nothing: ask for the GPU by name.
    jax.config.update("jax_platforms", "cuda,cpu")
    try:
        jax.devices("cuda")
    except RuntimeError as error:
        raise InputError(
            "JAX cannot use a GPU here",
            where="--device",
            found=f"jax {jax.__version__}, {_visible()} ({str(error).splitlines()[0]})",
            expected="a CUDA build of jaxlib, and a GPU with its driver",
            hint="pip install 'jax[cuda12]' in the pinned version on every node",
        ) from None


def _prepare_xgboost(worker: Worker) -> None:
    xgboost = require("xgboost", "xgboost")
    if worker.device != "cpu" and not xgboost.build_info()["USE_CUDA"]:
        raise InputError(
            "XGBoost cannot use a GPU here",
            where="--device",
            found=f"xgboost {xgboost.__version__} without CUDA, {_visible()}",
            expected="a build of XGBoost with CUDA, and a GPU with its driver",
            hint="pip uninstall xgboost-cpu && pip install xgboost in the pinned version on every "
            "node",
        )


def _visible() -> str:
    """The GPUs that Ray, or the user, lets this process see."""
    return f"CUDA_VISIBLE_DEVICES={os.environ.get('CUDA_VISIBLE_DEVICES', '(not set)')}"
