"""A family that writes by every way there is, and tells its threads."""

from __future__ import annotations

import ctypes
import json
import logging
import os
import subprocess
import sys
import warnings
from collections.abc import Iterator
from importlib.util import find_spec
from typing import Any

import pyarrow as pa

from distrib.trainables.base import Progress, State, Worker
from tests.families.toys import CurveConfig, Points, Together

WAYS = (
    *("print", "stderr", "descriptor 1", "descriptor 2", "C", "child", "child stderr"),
    *("warning", "logging"),
)


def write_all(word: str) -> None:
    """A line `<way> word` by each of `WAYS`."""
    print(f"<print> {word}", flush=True)
    print(f"<stderr> {word}", file=sys.stderr, flush=True)
    os.write(1, f"<descriptor 1> {word}\n".encode())
    os.write(2, f"<descriptor 2> {word}\n".encode())
    libc = ctypes.CDLL(None)
    libc.puts(f"<C> {word}".encode())
    libc.fflush(None)
    script = f"echo '<child> {word}'; echo '<child stderr> {word}' >&2"
    subprocess.run(["/bin/sh", "-c", script], check=True, timeout=30)
    warnings.warn(f"<warning> {word}", stacklevel=1)
    logging.getLogger("loud").error("<logging> %s", word)


class Loud(Together):
    """Curves whose console has, of each worker, a line by every way; and `threads {...}`."""

    def progress(
        self, config: CurveConfig, data: Points, worker: Worker, state: State | None = None
    ) -> Iterator[Progress]:
        write_all(f"{config.height}, worker {worker.rank}")
        print("threads", json.dumps(threads(worker)), flush=True)
        yield from super().progress(config, data, worker, state)


def threads(worker: Worker) -> dict[str, Any]:
    """How many each library has in this process."""
    import torch

    found = {"torch": torch.get_num_threads(), "arrow": pa.cpu_count()}
    if find_spec("xgboost"):
        import numpy as np
        import xgboost

        from distrib.trainables.screens.xgboost.boosting import parameters
        from distrib.trainables.screens.xgboost.config import XgboostConfig

        matrix = xgboost.DMatrix(np.ones((4, 1)), np.ones(4))
        booster = xgboost.train(parameters(XgboostConfig(), 1, worker), matrix, 1)
        learner = json.loads(booster.save_config())["learner"]
        found["xgboost"] = int(learner["generic_param"]["nthread"])
    return found
