"""Several workers without Ray: they are one worker with the same global batch."""

from __future__ import annotations

import json
import subprocess
import sys
import uuid
from collections.abc import Callable
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from distrib.study.record.checkpoint import read_state
from distrib.trainables.base import Source, State, Worker
from distrib.trainables.training.data_parallel import BACKENDS
from tests.support.driver import ROOT
from tests.support.one_of_several import CONFIG
from tests.support.stream_family import Net, write_rows

pytestmark = pytest.mark.slow

Uninterrupted = Callable[[int], tuple[list[float], State]]
WEIGHTS = 1e-6  # greatest difference of a weight: sums are taken in another order


def trained(
    data: Path, out: Path, size: int, state: Path | None = None, stop: int = 0
) -> tuple[list[float], State]:
    """Validation losses and the last state of a training by `size` processes."""
    meeting = out.with_name(f"meeting-{uuid.uuid4().hex}")
    processes = [
        subprocess.Popen(
            [
                sys.executable,
                "-m",
                "tests.support.one_of_several",
                *map(str, (rank, size, meeting, data, out, state or "", stop)),
            ],
            cwd=ROOT,
            stderr=subprocess.PIPE,
            text=True,
        )
        for rank in range(size)
    ]
    try:
        said = [process.communicate(timeout=120)[1] for process in processes]
    finally:
        for process in processes:
            process.kill()
            process.communicate()
    assert [process.returncode for process in processes] == [0] * size, "\n".join(said)
    return json.loads(out.with_suffix(".json").read_text()), read_state(
        out.with_suffix(".safetensors")
    )


def close(a: State, b: State) -> bool:
    return set(a.arrays) == set(b.arrays) and all(
        np.allclose(a.arrays[k], b.arrays[k], rtol=0, atol=WEIGHTS) for k in a.arrays
    )


def same(a: State, b: State) -> bool:
    """To the bit."""
    return (
        a.values == b.values
        and set(a.arrays) == set(b.arrays)
        and all(np.array_equal(a.arrays[k], b.arrays[k]) for k in a.arrays)
    )


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("rows")
    write_rows(folder, rows=500, files=5)
    return folder


@pytest.fixture(scope="module")
def alone(data: Path) -> tuple[list[float], State]:
    """By one worker, in this process."""
    family = Net()
    items = list(family.progress(CONFIG, family.load(Source(path=str(data))), Worker()))
    return [i.metrics["mse"] for i in items if i.metrics is not None], items[-1].state()


@pytest.fixture(scope="module")
def uninterrupted(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Uninterrupted:
    """By so many workers, in one go; done once for all tests that ask."""
    folder = tmp_path_factory.mktemp("uninterrupted")
    return cache(lambda size: trained(data, folder / f"by-{size}", size))


@pytest.mark.parametrize("size", [1, 2, 3])
def test_several_workers_equal_one(
    alone: tuple[list[float], State], uninterrupted: Uninterrupted, size: int
) -> None:
    losses, end = uninterrupted(size)
    assert losses == pytest.approx(alone[0], abs=1e-5)
    assert close(end, alone[1])
    assert losses[-1] < losses[0]


@pytest.mark.parametrize(("before", "after"), [(2, 2), (1, 3)])
def test_a_training_goes_on_amid_an_epoch_with_any_number_of_workers(
    data: Path,
    alone: tuple[list[float], State],
    uninterrupted: Uninterrupted,
    tmp_path: Path,
    before: int,
    after: int,
) -> None:
    told, state = trained(data, tmp_path / "first", before, stop=26)
    assert state.arrays["position"].any()
    losses, end = trained(data, tmp_path / "second", after, tmp_path / "first.safetensors")
    assert losses == pytest.approx(alone[0][state.values["epoch"] :], abs=1e-5)
    assert close(end, alone[1])
    if before == after:  # the same sums in the same order
        calm, calm_end = uninterrupted(after)
        assert told + losses == calm
        assert same(end, calm_end)


def test_on_gpus_networks_talk_by_nccl_and_plain_arrays_by_gloo() -> None:
    from torch.distributed.distributed_c10d import Backend, BackendConfig

    for device, spoken in {"cpu": {"cpu": "gloo"}, "cuda": {"cpu": "gloo", "cuda": "nccl"}}.items():
        backends = BackendConfig(Backend(BACKENDS[device])).get_device_backend_map()
        assert spoken.items() <= backends.items()
