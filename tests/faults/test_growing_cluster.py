"""A study on a cluster that has less than it asks for, and an autoscaler that may start more."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.driver import trials_of, write_space
from tests.support.ray_cluster import left_on, ray_cluster, ray_says

pytestmark = [pytest.mark.exhaustive, pytest.mark.timeout(300)]

MOST = 3
NODES = "print(sum(n['Alive'] and n['Resources'].get('CPU', 0) == 1 for n in ray.nodes()))"


@pytest.fixture
def cluster() -> Iterator[tuple[str, Path]]:
    """Its address and the head's home. One node of one CPU is there, and there may be two more."""
    with ray_cluster(cpus=0, workers=MOST) as made:
        yield made


def test_groups_wait_for_nodes_that_the_autoscaler_starts(
    start: Any, cluster: tuple[str, Path], tmp_path: Path
) -> None:
    address, home = cluster
    write_space(tmp_path / "toy.yaml", {"pause": 0.1}, trials=2, scheduler="none",
                trainable="tests.families.toys:Together")  # fmt: skip
    words = ("--space", "toy.yaml", "--address", address, "--test-fraction", "0")
    driver = start(*words, "--workers-per-trial", "3", RAY_AUTH_MODE="disabled", HOME=str(home))
    assert driver.wait() == 0, driver.said()
    assert [t.state.name for t in trials_of(tmp_path / "runs" / "toy-0")] == ["COMPLETE"] * 2
    assert ray_says(NODES, address) == str(MOST)

    # More than it may ever start is refused at once.
    driver = start(*words, "--workers-per-trial", "4", RAY_AUTH_MODE="disabled", HOME=str(home))
    assert driver.wait() == 2, driver.said()
    assert "--workers-per-trial" in driver.said()
    assert left_on(address) == "nothing"
