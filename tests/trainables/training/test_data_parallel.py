"""Several workers without Ray: they are one worker with the same global batch."""

from __future__ import annotations

import json
import subprocess
import sys
import uuid
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from distrib.data.antibodies.designs.simulate import simulate_records
from distrib.study.record.checkpoint import read_state
from distrib.trainables.base import State, Worker
from distrib.trainables.training.data_parallel import BACKENDS
from tests.families.stream_family import write_rows
from tests.families.token_family import write_texts
from tests.support.driver import ROOT
from tests.support.one_of_several import FAMILIES

Uninterrupted = Callable[[str, int], tuple[list[float], State]]
WEIGHTS = {
    "stream": 1e-6,
    "arrays": 1e-5,
    "generator": 1e-5,
}  # greatest difference: sums are in another order


def trained(
    name: str, data: Path, out: Path, size: int, state: Path | None = None, stop: int = 0
) -> tuple[list[float], State]:
    """Validation losses and the last state of a training by `size` processes."""
    meeting = out.with_name(f"meeting-{uuid.uuid4().hex}")
    processes = [
        subprocess.Popen(
            [
                sys.executable,
                "-m",
                "tests.support.one_of_several",
                *map(str, (name, rank, size, meeting, data / name, out, state or "", stop)),
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


def close(a: State, b: State, atol: float) -> bool:
    return set(a.arrays) == set(b.arrays) and all(
        np.allclose(a.arrays[k], b.arrays[k], rtol=0, atol=atol) for k in a.arrays
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
    for name in FAMILIES:
        (folder / name).mkdir()
    write_rows(folder / "stream", rows=500, files=5)
    write_texts(folder / "arrays" / "texts.csv", rows=120)
    records = simulate_records(60, families=12).frame()
    records.to_json(folder / "generator" / "records.json", orient="records")
    return folder


@pytest.fixture(scope="module")
def alone(data: Path) -> Callable[[str], tuple[list[float], State]]:
    """By one worker, in this process."""

    @cache
    def train(name: str) -> tuple[list[float], State]:
        family, config = FAMILIES[name]
        rows = family.load(family.Source(path=str(data / name)))
        items = list(family.progress(config, rows, Worker()))
        metric = family.metrics[0].name
        return [i.metrics[metric] for i in items if i.metrics is not None], items[-1].state()

    return train


@pytest.fixture(scope="module")
def uninterrupted(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Uninterrupted:
    """By so many workers, in one go; done once for all tests that ask."""
    folder = tmp_path_factory.mktemp("uninterrupted")
    return cache(lambda name, size: trained(name, data, folder / f"{name}-by-{size}", size))


def at_length(*case: object) -> Any:
    """A case beside one that shows the same with other workers, or by another loop of batches."""
    return pytest.param(*case, marks=pytest.mark.exhaustive)


@pytest.mark.parametrize(
    ("name", "size"),
    [
        at_length("stream", 1),
        at_length("stream", 3),
        ("arrays", 2),
        at_length("generator", 2),
    ],
)
def test_several_workers_equal_one(
    alone: Callable[[str], tuple[list[float], State]],
    uninterrupted: Uninterrupted,
    name: str,
    size: int,
) -> None:
    expected, expected_end = alone(name)
    losses, end = uninterrupted(name, size)
    assert losses == pytest.approx(expected, abs=1e-5)
    assert close(end, expected_end, WEIGHTS[name])
    assert losses[-1] < losses[0]


@pytest.mark.parametrize(
    ("name", "before", "after", "stop"),
    [
        ("stream", 2, 2, 26),
        at_length("stream", 1, 3, 26),
        at_length("arrays", 2, 2, 17),
        at_length("arrays", 3, 1, 17),
        at_length("generator", 1, 2, 5),
    ],
)
def test_a_training_goes_on_amid_an_epoch_with_any_number_of_workers(
    data: Path,
    alone: Callable[[str], tuple[list[float], State]],
    uninterrupted: Uninterrupted,
    tmp_path: Path,
    name: str,
    before: int,
    after: int,
    stop: int,
) -> None:
    told, state = trained(name, data, tmp_path / "first", before, stop=stop)
    assert state.arrays["position"].any()
    assert state.arrays["loop.loss_sum"].all()
    losses, end = trained(name, data, tmp_path / "second", after, tmp_path / "first.safetensors")
    expected, expected_end = alone(name)
    assert losses == pytest.approx(expected[state.values["epoch"] :], abs=1e-5)
    assert close(end, expected_end, WEIGHTS[name])
    if before == after:  # the same sums in the same order
        calm, calm_end = uninterrupted(name, after)
        assert told + losses == calm
        assert same(end, calm_end)


def test_on_gpus_networks_talk_by_nccl_and_plain_arrays_by_gloo() -> None:
    from torch.distributed.distributed_c10d import Backend, BackendConfig

    for device, spoken in {"cpu": {"cpu": "gloo"}, "cuda": {"cpu": "gloo", "cuda": "nccl"}}.items():
        backends = BackendConfig(Backend(BACKENDS[device])).get_device_backend_map()
        assert spoken.items() <= backends.items()
