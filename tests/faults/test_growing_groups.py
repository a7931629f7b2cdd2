"""A group that begins with one worker for want of room, and grows when a node comes."""

from __future__ import annotations

import re
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
import yaml

from distrib.cluster.network import interfaces
from distrib.trainables.base import Source, Worker
from distrib.trial_files import read_metrics
from tests.families.stream_family import Net, NetConfig, write_rows
from tests.support.driver import trials_of
from tests.support.ray_cluster import left_on, ray_cluster, ray_node

pytestmark = [pytest.mark.exhaustive, pytest.mark.timeout(540)]

COORDINATOR = "_AutoscalingCoordinatorActor"  # Ray's own; see `ray_internals.train`


def test_a_group_grows_when_a_node_comes(start: Any, tmp_path: Path) -> None:
    """It looks for room three times a minute: so long the one worker has enough to do."""
    (tmp_path / "rows").mkdir()
    write_rows(tmp_path / "rows", rows=800)
    done = tmp_path / "done"
    config = {"pause": 0.5, "epochs": 8, "hidden": 4, "learning_rate": 0.1, "seed": 5}
    config |= {"until": str(done)}
    space = {
        "trainable": "tests.families.placed_family:PlacedNet",
        "trials": 1,
        "parameters": config,
    }
    (tmp_path / "net.yaml").write_text(yaml.safe_dump(space))
    study = tmp_path / "runs" / "s"
    trial = study / "trials" / "0000"
    second = trial / "console-rank1.log"
    with ray_cluster(cpus=1) as (address, folder), ExitStack() as stack:
        driver = start(
            *("--space", "net.yaml", "--data", "rows", "--name", "s", "--address", address),
            *("--workers-per-trial", "1:2", "--test-fraction", "0", "--checkpoint-every", "1"),
            RAY_AUTH_MODE="disabled",
        )
        driver.until((trial / "metrics.csv").exists)
        driver.until(lambda: any(trial.glob("checkpoint/*")))
        assert not second.exists()
        stack.enter_context(ray_node(address, folder, cpus=1, ip="127.0.0.2"))
        driver.until(second.exists)
        assert len(read_metrics(trial / "metrics.csv")) < config["epochs"]
        done.touch()
        assert driver.wait(240) == 0, driver.said()
        assert left_on(address, COORDINATOR) == COORDINATOR
    (ended,) = trials_of(study)
    assert (ended.state.name, ended.user_attrs.get("retries", 0)) == ("COMPLETE", 0)
    assert "goes on with 2 workers" in driver.said()

    begun = re.compile(r"of (\d) on (\w+) over (\w+) after epoch (\d)")
    alone, grown = begun.findall((trial / "console.log").read_text())
    (beside,) = begun.findall(second.read_text())
    assert (alone[0], alone[2], alone[3]) == ("1", "lo", "0")
    for worker in (grown, beside):
        assert worker[0] == "2"
        assert worker[2] in interfaces()  # towards the head, not gloo's own choice
        assert worker[3] >= "1"
    assert grown[1] != beside[1]

    # Every row has counted once: it comes to the same as by one process, to rounding.
    typed = NetConfig.model_validate({**config, "pause": 0})
    items = Net().progress(typed, Net().load(Source(path=str(tmp_path / "rows"))), Worker())
    expected = [item.metrics["mse"] for item in items if item.metrics is not None]
    rows = read_metrics(trial / "metrics.csv")
    assert [row["step"] for row in rows] == list(range(1, config["epochs"] + 1))
    assert [row["mse"] for row in rows] == pytest.approx(expected, abs=1e-5)
