"""Groups on a cluster whose head only looks after them and whose nodes hold two CPUs each."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import ExitStack
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest
import yaml

from distrib.cluster.network import interfaces
from distrib.study.plan.fixed_space import read_config
from distrib.trainables.base import Source, Worker
from distrib.trial_files import read_metrics
from tests.families.stream_family import Net, NetConfig, write_rows
from tests.families.toys import LARGE
from tests.support.driver import trials_of, write_space
from tests.support.ray_cluster import left_on, ray_cluster, ray_node, ray_says

pytestmark = [pytest.mark.exhaustive, pytest.mark.timeout(540)]

NODES = "print(*sorted(n['NodeID'] for n in ray.nodes() if n['Resources'].get('CPU')), sep=',')"


@pytest.fixture(scope="module")
def cluster() -> Iterator[str]:
    """Its address. To Ray each node is a machine of its own, and the head has no CPUs."""
    with ray_cluster(cpus=0) as (address, folder), ExitStack() as stack:
        for ip in ("127.0.0.2", "127.0.0.3"):
            stack.enter_context(ray_node(address, folder, cpus=2, ip=ip))
        yield address


def test_two_groups_are_at_work_at_once(start: Any, cluster: str, tmp_path: Path) -> None:
    (tmp_path / "meeting").mkdir()
    write_space(
        tmp_path / "toy.yaml",
        {"options": str(tmp_path / "meeting")},
        trials=4,
        trainable="tests.families.meeting_family:Meeting",
        scheduler="none",
    )
    driver = start(
        *("--space", "toy.yaml", "--data", str(tmp_path / "reads"), "--address", cluster),
        *("--workers-per-trial", "2"),
        RAY_AUTH_MODE="disabled",
    )
    assert driver.wait() == 0, driver.said()
    study = tmp_path / "runs" / "toy-0"
    trials = trials_of(study)
    assert [(t.state.name, t.user_attrs.get("retries", 0)) for t in trials] == [("COMPLETE", 0)] * 4
    spans, groups = [], []
    for trial in trials:
        folder = study / "trials" / f"{trial.number:04d}"
        rows = read_metrics(folder / "metrics.csv")
        assert [row["step"] for row in rows] == list(range(1, 10))
        spans.append((rows[0]["time"], rows[-1]["time"]))
        assert trial.datetime_start.timestamp() <= rows[0]["time"]
        assert rows[-1]["time"] <= trial.datetime_complete.timestamp()
        log = (folder / "console-rank1.log").read_text()
        groups += re.findall(r"worker 1 of 2, process (\d+)", log)
    assert len(groups) == 4
    assert len(set(groups)) == 2
    together = [
        {groups[a], groups[b]}
        for a, b in combinations(range(4), 2)
        if max(spans[a][0], spans[b][0]) < min(spans[a][1], spans[b][1])
    ]
    assert together
    assert all(len(pair) == 2 for pair in together)
    assert left_on(cluster) == "nothing"

    # The data are read once for all, and not by the head, which has no CPU for it.
    with_cpus = ray_says(NODES, cluster).split(",")
    (read,) = (tmp_path / "reads").read_text().split()
    assert len(with_cpus) == 2
    assert read in with_cpus


def test_a_group_over_two_nodes_equals_one_process(
    start: Any, cluster: str, tmp_path: Path
) -> None:
    (tmp_path / "rows").mkdir()
    write_rows(tmp_path / "rows", rows=400)
    space = {
        "trainable": "tests.families.placed_family:PlacedNet",
        "trials": 2,
        "scheduler": "none",
        "parameters": {"epochs": 3, "hidden": [4, 6], "learning_rate": 0.1},
    }
    (tmp_path / "net.yaml").write_text(yaml.safe_dump(space))
    driver = start(
        *("--space", "net.yaml", "--data", "rows", "--address", cluster, "--test-fraction", "0"),
        # A node has room for one of these workers.
        *("--workers-per-trial", "2", "--cpus-per-worker", "2"),
        RAY_AUTH_MODE="disabled",
    )
    assert driver.wait() == 0, driver.said()
    study = tmp_path / "runs" / "net-0"
    data = Net().load(Source(path=str(tmp_path / "rows")))
    with_cpus = ray_says(NODES, cluster).split(",")
    trials = trials_of(study)
    assert sorted(t.params["hidden"] for t in trials) == [4, 6]
    for trial in trials:
        assert (trial.state.name, trial.user_attrs.get("retries", 0)) == ("COMPLETE", 0)
        folder = study / "trials" / f"{trial.number:04d}"
        consoles = [(folder / f"console{rank}.log").read_text() for rank in ("", "-rank1")]
        places = [
            re.findall(r"of 2 on (\w+) over (\w+) after epoch 0", console) for console in consoles
        ]
        assert sorted(node for ((node, _),) in places) == with_cpus
        # Towards the head, not gloo's own choice.
        assert {interface for ((_, interface),) in places} <= set(interfaces())
        config = NetConfig.model_validate(read_config(folder)[0]["config"])
        items = Net().progress(config, data, Worker())
        expected = [item.metrics["mse"] for item in items if item.metrics is not None]
        found = [row["mse"] for row in read_metrics(folder / "metrics.csv")]
        assert found == pytest.approx(expected, abs=1e-5)
    assert left_on(cluster) == "nothing"


STORES = """
from ray._private.internal_api import node_stats
for node in ray.nodes():
    if node["Resources"].get("CPU"):
        stats = node_stats(node["NodeManagerAddress"], node["NodeManagerPort"], False).store_stats
        print(stats.object_store_bytes_used, stats.cumulative_created_bytes, end=" ")
"""


def test_arrays_go_once_to_each_node(start: Any, cluster: str, tmp_path: Path) -> None:
    """Four processes on two nodes compute on the same arrays: there is one copy on each node."""
    write_space(
        tmp_path / "toy.yaml",
        {"pause": 1.0, "epochs": 30},
        trials=4,
        trainable="tests.families.toys:Large",
        scheduler="none",
    )
    study = tmp_path / "runs" / "toy-0"
    before = [int(n) for n in ray_says(STORES, cluster, whole=True).split()]
    words = ("--space", "toy.yaml", "--address", cluster, "--test-fraction", "0")
    driver = start(*words, RAY_AUTH_MODE="disabled")
    driver.until(lambda: len(list(study.glob("trials/*/metrics.csv"))) == 4)
    after = [int(n) for n in ray_says(STORES, cluster, whole=True).split()]
    used, created = after[::2], [b - a for a, b in zip(before[1::2], after[1::2], strict=True)]
    size = 8 * LARGE
    assert all(size < n < 1.2 * size for n in created), created
    assert all(n < 1.2 * size for n in used), used
    driver.interrupt()
    assert driver.wait() == 130, driver.said()
    assert left_on(cluster) == "nothing"
