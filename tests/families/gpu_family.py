"""Families that tell which GPU they were given, and what they found on it."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from distrib.trainables.base import Progress, State, Worker
from tests.families.toys import Curve, CurveConfig, Points


def tell(**what: object) -> None:
    """A line `gpu {...}` in the console of the training."""
    print("gpu", json.dumps(what), flush=True)


def told_in(study: Path) -> list[dict[str, Any]]:
    """What the trainings of a study told."""
    consoles = sorted(study.glob("trials/*/console*.log"))
    lines = [line for file in consoles for line in file.read_text().splitlines()]
    return [json.loads(line[4:]) for line in lines if line.startswith("gpu ")]


class OnItsGpu(Curve):
    """A curve that tells its GPU, from when to when it used it, and what `found` says."""

    devices = ("cuda",)

    def progress(
        self, config: CurveConfig, data: Points, worker: Worker, state: State | None = None
    ) -> Iterator[Progress]:
        import ray

        told = {
            "device": worker.device,
            "visible": os.environ.get("CUDA_VISIBLE_DEVICES"),
            "assigned": ray.get_runtime_context().get_accelerator_ids()["GPU"],
            "process": os.getpid(),
            "begin": time.time(),
            **self.found(),
        }
        yield from super().progress(config, data, worker, state)
        tell(**told, end=time.time())

    def found(self) -> dict[str, object]:
        """What there is on the GPU at the begin."""
        return {}


class WithTorch(OnItsGpu):
    """The same with torch: takes a gigabyte, in a ring of objects that only a collection frees."""

    framework = "torch"

    def found(self) -> dict[str, object]:
        import torch

        held = torch.cuda.memory_reserved()
        ring: list[object] = [torch.ones(2**28, device="cuda")]
        ring.append(ring)
        return {"held": held}


class WithJax(OnItsGpu):
    """The same, computing with JAX."""

    framework = "jax"

    def found(self) -> dict[str, object]:
        import jax
        import jax.numpy as jnp

        x = jnp.ones((4096, 4096))
        (on,) = (x @ x).devices()
        return {"on": on.platform, "seen": len(jax.devices()), "sum": float((x @ x)[0, 0])}
