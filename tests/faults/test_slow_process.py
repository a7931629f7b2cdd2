"""Trials whose process takes long to start, or has no room, while another is done with its own."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.support.driver import trials_of, write_space
from tests.support.ray_cluster import foreign_environment, ray_cluster

pytestmark = [pytest.mark.exhaustive, pytest.mark.timeout(300)]


def test_a_process_that_starts_is_waited_for(start: Any, tmp_path: Path) -> None:
    """Tune, left alone, gives the free process what the other would have run, and ends that one."""
    write_space(tmp_path / "toy.yaml", {"pause": 0.02}, scheduler="none", trials=40)
    driver = start(
        *("--space", "toy.yaml", "--concurrent", "2", "--sampler", "random"),
        command="tests.support.slow_tune",
        BEGAN=str(tmp_path),
    )
    assert driver.wait() == 0, driver.said()
    assert len(list(tmp_path.glob("trains-*"))) == 2


HOLD = """
import sys, ray
ray.init(sys.argv[1], log_to_driver=False)
held = ray.remote(num_cpus=1)(type("Held", (), {"there": lambda self: True})).remote()
print(ray.get(held.there.remote()), flush=True)
sys.stdin.readline()
"""


@contextmanager
def a_cpu_held(address: str) -> Iterator[None]:
    """By another driver."""
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, address],
        env={**foreign_environment(), "RAY_AUTH_MODE": "disabled"},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "True\n"
        yield  # it ends when its input is closed


def test_a_trial_without_room_takes_the_next_process(start: Any, tmp_path: Path) -> None:
    """It does not wait for room until all others are done."""
    write_space(tmp_path / "toy.yaml", {"pause": 0.02}, scheduler="none", trials=8)
    with ray_cluster(cpus=2) as (address, _), a_cpu_held(address):
        driver = start(
            *("--space", "toy.yaml", "--concurrent", "2", "--sampler", "random"),
            *("--address", address),
            RAY_AUTH_MODE="disabled",
        )
        assert driver.wait() == 0, driver.said()
    ends = [trial.datetime_complete for trial in trials_of(tmp_path / "runs" / "toy-0")]
    assert len(ends) == 8
    assert ends[1] < min(ends[2:])
