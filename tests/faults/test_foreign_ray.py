"""A Ray that happens to run on the machine."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.driver import trials_of, write_space

pytestmark = [pytest.mark.ray, pytest.mark.timeout(300)]

FOREIGN = """
import json, sys, ray
context = ray.init(num_cpus=1, include_dashboard=False, _temp_dir=sys.argv[1], log_to_driver=False)
print(json.dumps({"address": context.address_info["gcs_address"]}), flush=True)
sys.stdin.readline()
answer = ray.get(ray.remote(lambda: 42).remote())
print(json.dumps({"answer": answer, "nodes": len(ray.nodes())}), flush=True)
"""


@pytest.fixture
def foreign() -> Iterator[subprocess.Popen[str]]:
    with tempfile.TemporaryDirectory(prefix="f", dir="/tmp") as folder:
        process = subprocess.Popen(
            [sys.executable, "-c", FOREIGN, folder],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            env={k: v for k, v in os.environ.items() if k != "RAY_ADDRESS"},
        )
        yield process
        process.stdin.close()
        process.wait(60)
        process.stdout.close()


def test_equal_seeds_are_equal_beside_a_foreign_ray(
    foreign: subprocess.Popen[str], start: Any, tmp_path: Path
) -> None:
    """Two studies, one of them told of the other Ray by the environment: neither joins it."""
    write_space(tmp_path / "toy.yaml", trials=8)
    address = json.loads(foreign.stdout.readline())["address"]
    options = ("--space", "toy.yaml", "--seed", "7", "--concurrent", "1")
    drivers = [
        start(*options, "--name", "a"),
        start(*options, "--name", "b", RAY_ADDRESS=address),
    ]
    for driver in drivers:
        assert driver.wait() == 0, driver.said()
    a, b = (tmp_path / "runs" / name for name in "ab")
    for one, other in zip(trials_of(a), trials_of(b), strict=True):
        assert (one.params, one.state, one.values) == (other.params, other.state, other.values)
        assert one.intermediate_values == other.intermediate_values
        for name in ("config.yaml", "metrics.csv"):
            texts = [(s / "trials" / f"{one.number:04d}" / name).read_text() for s in (a, b)]
            if name == "metrics.csv":  # but for the last column, the time of day
                texts = ["\n".join(x.rpartition(",")[0] for x in t.splitlines()) for t in texts]
            assert texts[0] == texts[1]
    assert (a / "best" / "config.yaml").read_text() == (b / "best" / "config.yaml").read_text()
    weights = [(s / "best" / "weights.safetensors").read_bytes() for s in (a, b)]
    assert weights[0] == weights[1]

    foreign.stdin.write("\n")
    foreign.stdin.flush()
    assert json.loads(foreign.stdout.readline()) == {"answer": 42, "nodes": 1}
