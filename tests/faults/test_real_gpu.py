"""What only a GPU shows: trials that share one, that leave nothing on it, and a group over NCCL."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import yaml

from distrib.cluster.gpus import nvidia_gpus
from tests.families.gpu_family import told_in
from tests.families.stream_family import write_rows
from tests.support.driver import ended_trials, write_space

pytestmark = [
    pytest.mark.ray,
    pytest.mark.timeout(300),
    pytest.mark.skipif(not nvidia_gpus(), reason="no GPU here"),
]

HALVES = ("--gpus-per-worker", "0.5", "--concurrent", "2", "--seed", "1")


def test_torch_leaves_nothing_on_a_gpu_between_trials_of_a_process(
    start: Any, tmp_path: Path
) -> None:
    told = told_by("WithTorch", start, tmp_path)
    assert len({one["process"] for one in told}) == 2
    assert [one["held"] for one in told] == [0] * len(told)


def test_two_trials_of_jax_share_a_gpu(start: Any, tmp_path: Path) -> None:
    """JAX would take three quarters of it for the first one, or compute on the CPU."""
    told = told_by("WithJax", start, tmp_path)
    assert {(one["on"], one["seen"], one["sum"]) for one in told} == {("gpu", 1, 4096.0)}
    ordered = sorted(told, key=lambda one: one["begin"])
    assert any(b["begin"] < a["end"] for a, b in pairwise(ordered))


def test_a_group_computes_and_talks_on_gpus(start: Any, tmp_path: Path) -> None:
    """NCCL wants a GPU for each worker: this group may have two and begins with one."""
    (tmp_path / "set").mkdir()
    write_rows(tmp_path / "set", rows=400)
    space = {
        "trainable": "tests.families.gpu_group_family:Group",
        "parameters": {"epochs": 2},
    }
    (tmp_path / "net.yaml").write_text(yaml.safe_dump(space))
    driver = start(
        *("--space", "net.yaml", "--data", str(tmp_path / "set"), "--trials", "3"),
        *("--workers-per-trial", "1:2", "--gpus-per-worker", "1", "--concurrent", "1"),
    )
    assert driver.wait(270) == 0, driver.said()
    study = tmp_path / "runs" / "net-0"
    assert ended_trials(study) == 3
    told = told_in(study)
    assert len(told) >= 3
    assert {(one["place"], one["talk"]) for one in told} == {("cuda:0", "cpu:gloo,cuda:nccl")}


def told_by(family: str, start: Any, folder: Path) -> list[dict[str, Any]]:
    """What six trials told, two at a time on halves of a GPU."""
    write_space(
        folder / "toy.yaml",
        {"pause": 0.1},
        trainable=f"tests.families.gpu_family:{family}",
        scheduler="none",
    )
    driver = start("--space", "toy.yaml", "--name", "s", "--trials", "6", *HALVES)
    assert driver.wait() == 0, driver.said()
    told = told_in(folder / "runs" / "s")
    assert len(told) == 6
    return told
