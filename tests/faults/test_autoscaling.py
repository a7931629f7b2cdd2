"""A cluster whose autoscaler starts nodes as a study asks for them, up to what its file allows."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from distrib.trial_files import read_metrics
from tests.support.driver import trials_of, write_space
from tests.support.ray_cluster import left_on, ray_cluster, ray_says

pytestmark = [pytest.mark.exhaustive, pytest.mark.timeout(400)]


def test_a_study_has_the_cluster_grow_and_is_refused_what_can_never_be(
    start: Any, tmp_path: Path
) -> None:
    write_space(tmp_path / "toy.yaml", {"pause": 1.5}, trials=6, scheduler="none")
    with ray_cluster(cpus=0, workers=3) as (address, folder):
        words = ("--space", "toy.yaml", "--address", address)
        of_its_head = {"HOME": str(folder), "RAY_AUTH_MODE": "disabled"}
        driver = start(*words, **of_its_head)
        assert driver.wait() == 0, driver.said()
        assert "node-hours" in driver.said()
        nodes = "print(sum(1 for node in ray.nodes() if node['Alive']))"
        assert ray_says(nodes, address) == "4"
        assert left_on(address) == "nothing"
        driver = start(*words, "--cpus-per-worker", "2", **of_its_head)
        assert driver.wait() == 2
        assert "one trial asks for more than there is" in driver.said()
        assert "it may grow to 3 workers of at most 1 CPUs" in driver.said()
    rows = [read_metrics(path) for path in (tmp_path / "runs/toy-0/trials").glob("*/metrics.csv")]
    spans = sorted((one[0]["time"], one[-1]["time"]) for one in rows)
    together = max(sum(a <= begin < b for a, b in spans) for begin, _ in spans)
    assert together == 3
    assert len(trials_of(tmp_path / "runs" / "toy-0")) == 6
