"""Threads, device and GPU memory of a process, each looked at in a process of its own."""

from __future__ import annotations

import gc
import json
import os
import subprocess
import sys
import weakref
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

from distrib.cluster.environment import THREADS, thread_settings
from distrib.cluster.gpus import nvidia_gpus
from distrib.trainables.base import Worker
from distrib.trainables.framework import peak_memory, release
from distrib.trainables.screens.mlp.family import Mlp

COUNT = """
import json, os, sys
from pathlib import Path
def threads(word=""):
    names = [task.joinpath("comm").read_text() for task in Path("/proc/self/task").iterdir()]
    return sum(word in name for name in names)
"""
HEAD = """
from distrib.trainables.base import Worker
from distrib.trainables.framework import prepare
from distrib.trainables.registry import load_family
def ready(family, threads, device="cpu"):
    prepare(load_family(family), Worker(threads=threads, device=device))
"""


def run(code: str, head: str = HEAD, **environment: str) -> Any:
    """What `code` prints as JSON, in a fresh process that nothing has told how many threads."""
    clean = {k: v for k, v in os.environ.items() if k not in (*THREADS, "XLA_FLAGS")}
    done = subprocess.run(
        [sys.executable, "-c", COUNT + head + code],
        env={**clean, **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


CPUS = len(os.sched_getaffinity(0))
MORE = CPUS + 1  # as many as no library would take of its own accord


def test_threads_of_torch_and_arrow() -> None:
    code = f"""
ready("mlp", {MORE})
import torch, pyarrow as pa
before = threads()
torch.ones(2000, 2000).exp().sum()
print(json.dumps({{
    "intra": torch.get_num_threads(), "inter": torch.get_num_interop_threads(),
    "arrow": pa.cpu_count(), "arrow io": pa.io_thread_count(),
    "begun": 1 + threads() - before,
    **{{k: os.environ[k] for k in {THREADS!r}}},
}}))
"""
    counts = dict.fromkeys(("intra", "inter", "arrow", "arrow io", "begun"), MORE)
    assert run(code) == {**counts, **thread_settings(MORE)}


def test_a_process_can_be_made_ready_again() -> None:
    """Once torch has run something beside something else, its pool for that stays as it is."""
    code = """
ready("mlp", 1)
ready("mlp", 1)
import torch
torch.jit.wait(torch.jit.fork(torch.ones, 1))
ready("mlp", 2)
print(json.dumps([torch.get_num_threads(), torch.get_num_interop_threads()]))
"""
    assert run(code) == [2, 1]


def test_threads_of_jax() -> None:
    code = f"""
ready("trimming", {MORE})
import jax, jax.numpy as jnp
x = jnp.ones((600, 600))
(x @ x).block_until_ready()
print(json.dumps([threads("XLAEigen"), jax.default_backend()]))
"""
    assert run(code) == [MORE, "cpu"]


def test_threads_of_xgboost() -> None:
    """It never takes more than there are CPUs, so one is what it would not choose."""
    pytest.importorskip("xgboost")
    code = """
ready("xgboost", 1)
import numpy as np, xgboost
from distrib.trainables.screens.xgboost.boosting import parameters
from distrib.trainables.screens.xgboost.config import XgboostConfig
x = np.random.default_rng(0).normal(size=(3000, 20))
before = threads()
given = parameters(XgboostConfig(), 1, Worker(threads=1))
booster = xgboost.train(given, xgboost.DMatrix(x, x[:, 0]), 2)
learner = json.loads(booster.save_config())["learner"]
print(json.dumps([int(learner["generic_param"]["nthread"]), 1 + threads() - before]))
"""
    assert run(code) == [1, 1]


def test_threads_of_blas_are_those_of_the_environment_it_is_loaded_in() -> None:
    code = """
import numpy as np
x = np.ones((600, 600))
x @ x
print(json.dumps(threads()))
"""
    for number in (1, 2):
        assert run(code, head="", **thread_settings(number)) == min(number, CPUS)


@pytest.mark.parametrize(("family", "package"), [("mlp", "torch"), ("trimming", "jax")])
def test_a_gpu_that_cannot_be_used_is_an_error(family: str, package: str) -> None:
    """Never a training on the CPU that nobody asked for."""
    code = f"""
from distrib.errors import InputError
try:
    ready({family!r}, 1, device="cuda")
    said = None
except InputError as error:
    said = str(error)
print(json.dumps(said))
"""
    said = run(code, CUDA_VISIBLE_DEVICES="")  # without a GPU also where there is one
    assert said is not None
    for word in ("--device", package, "CUDA_VISIBLE_DEVICES=", "expected", "hint"):
        assert word in said


@dataclass
class Ring:
    """Something that only a garbage collection finds."""

    itself: Any = None


def test_only_a_gpu_is_worth_a_collection() -> None:
    gc.disable()
    try:
        ring = Ring()
        ring.itself = ring
        alive = weakref.ref(ring)
        del ring
        release(Mlp(), Worker(device="cpu"))
        assert alive() is not None
        release(Mlp(), Worker(device="cuda"))
        assert alive() is None
    finally:
        gc.enable()


def test_what_was_imported_is_not_looked_through_again() -> None:
    code = """
import gc
class Plain:
    framework = None
frozen = []
for device, size in ("cpu", 1), ("cpu", 2), ("cuda", 1):
    prepare(Plain(), Worker(device=device, world_size=size))
    frozen.append(gc.get_freeze_count() > 0)
    gc.unfreeze()
print(json.dumps(frozen))
"""
    assert run(code) == [False, True, True]


@pytest.mark.skipif(not nvidia_gpus(), reason="no GPU here")
def test_gpu_memory_is_given_back() -> None:
    code = """
ready("mlp", 1)
import torch
from distrib.trainables.framework import peak_memory, release
if not torch.cuda.is_available():
    print("null"); sys.exit()
model = torch.nn.Linear(4000, 4000, device="cuda")
model.itself = [model]
used = torch.cuda.memory_reserved()
del model
release(load_family("mlp"), Worker(device="cuda"))
print(json.dumps([used, torch.cuda.memory_reserved()]))
"""
    found = run(code)
    if found is None:
        pytest.skip("torch has no GPU here")
    used, left = found
    assert used > 60e6
    assert left == 0


def test_memory_is_that_of_the_process_at_its_peak() -> None:
    before = peak_memory(Mlp(), Worker())
    held = np.ones(before // 8 + 10_000_000)
    peak = peak_memory(Mlp(), Worker())
    assert peak >= held.nbytes
    del held
    assert peak_memory(Mlp(), Worker()) == peak
