"""A family that tells which GPU it was given, and from when to when it used it."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator

from distrib.trainables.base import Progress, State, Worker
from tests.toys import Curve, CurveConfig, Points


class OnItsGpu(Curve):
    """A curve whose console says `gpu {...}` at the end of each training."""

    devices = ("cuda",)

    def progress(
        self, config: CurveConfig, data: Points, worker: Worker, state: State | None = None
    ) -> Iterator[Progress]:
        import ray

        told = {
            "device": worker.device,
            "visible": os.environ.get("CUDA_VISIBLE_DEVICES"),
            "assigned": ray.get_runtime_context().get_accelerator_ids()["GPU"],
            "begin": time.time(),
        }
        yield from super().progress(config, data, worker, state)
        print("gpu", json.dumps({**told, "end": time.time()}), flush=True)


class WithTorch(OnItsGpu):
    """The same, computing with torch."""

    framework = "torch"


class WithJax(OnItsGpu):
    """The same, computing with JAX."""

    framework = "jax"
