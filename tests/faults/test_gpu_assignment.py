"""Trials that run at once on one node use different GPUs: those that Ray assigned to them.

JAX and torch both see exactly the GPUs in CUDA_VISIBLE_DEVICES. The GPUs here are Ray's word only.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest

from tests.families.gpu_family import told_in
from tests.support.driver import write_space
from tests.support.ray_cluster import ray_cluster

pytestmark = [pytest.mark.exhaustive, pytest.mark.timeout(300)]


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    """Of a cluster with two GPUs."""
    with ray_cluster(cpus=4, gpus=2) as (address, _):
        yield address


def test_two_trials_at_once_use_two_gpus(address: str, start: Any, tmp_path: Path) -> None:
    write_space(
        tmp_path / "toy.yaml",
        {"pause": 0.1, "epochs": 10},
        trainable="tests.families.gpu_family:OnItsGpu",
        scheduler="none",
    )
    driver = start(
        *("--space", "toy.yaml", "--name", "s", "--trials", "6", "--seed", "1"),
        *("--address", address, "--gpus-per-worker", "1", "--concurrent", "2"),
        RAY_AUTH_MODE="disabled",
    )
    assert driver.wait() == 0, driver.said()
    told = told_in(tmp_path / "runs" / "s")
    assert len(told) == 6
    for one in told:
        assert one["device"] == "cuda"
        assert one["assigned"] == [one["visible"]]
    together = [
        (a, b) for a, b in combinations(told, 2) if a["begin"] < b["end"] and b["begin"] < a["end"]
    ]
    assert together
    assert all(a["visible"] != b["visible"] for a, b in together)
    assert {one["visible"] for one in told} == {"0", "1"}


def test_gpus_that_the_framework_cannot_use_are_refused(
    address: str, start: Any, tmp_path: Path
) -> None:
    """Before any trial, and without a run folder: GPUs that are Ray's word only."""
    drivers = {}
    for family, package in (("WithTorch", "torch"), ("WithJax", "jax")):
        write_space(tmp_path / f"{package}.yaml", trainable=f"tests.families.gpu_family:{family}")
        drivers[package] = start(
            *("--space", f"{package}.yaml", "--address", address, "--gpus-per-worker", "1"),
            RAY_AUTH_MODE="disabled",
            CUDA_VISIBLE_DEVICES="",
        )
    for package, driver in drivers.items():
        assert driver.wait() == 2, driver.said()
        assert "cannot use a GPU here" in driver.said()
        assert package in driver.said()
        assert "Traceback" not in driver.said()
    assert not (tmp_path / "runs").exists()
