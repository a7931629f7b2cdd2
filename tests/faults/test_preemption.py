"""A node that is taken away: its notice saves the training, which goes on with fewer workers."""

from __future__ import annotations

import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
import yaml

from distrib.trainables.base import Source, Worker
from distrib.trial_files import read_metrics
from tests.families.stream_family import Net, NetConfig, write_rows
from tests.support.driver import trials_of
from tests.support.ray_cluster import foreign_environment, ray_cluster, ray_node, ray_says

pytestmark = [pytest.mark.exhaustive, pytest.mark.timeout(540)]


def give_notice(address: str, cpus: int) -> None:
    """The notice that a cloud gives before it takes a machine away: the one with so many CPUs."""
    node = ray_says(
        f"print(*[n['NodeID'] for n in ray.nodes() if n['Resources'].get('CPU') == {cpus}])",
        address,
    )
    subprocess.run(
        [
            *(sys.executable, "-m", "ray.scripts.scripts", "drain-node", f"--address={address}"),
            *(f"--node-id={node}", "--reason=DRAIN_NODE_REASON_PREEMPTION"),
            *("--reason-message=test", "--deadline-remaining-seconds=15"),
        ],
        check=True,
        timeout=60,
        env={**foreign_environment(), "RAY_AUTH_MODE": "disabled"},
    )


def test_a_notice_saves_what_was_done(start: Any, tmp_path: Path) -> None:
    (tmp_path / "rows").mkdir()
    write_rows(tmp_path / "rows", rows=800)
    done = tmp_path / "done"
    config = {"pause": 0.2, "epochs": 8, "hidden": 4, "learning_rate": 0.1, "seed": 5}
    config |= {"until": str(done)}
    space = {
        "trainable": "tests.families.stream_family:Net",
        "trials": 1,
        "parameters": config,
    }
    (tmp_path / "net.yaml").write_text(yaml.safe_dump(space))
    trial = tmp_path / "runs" / "s" / "trials" / "0000"
    with ray_cluster(cpus=0) as (address, folder), ExitStack() as stack:
        doomed = stack.enter_context(ExitStack())
        doomed.enter_context(ray_node(address, folder, cpus=2))
        driver = start(
            *("--space", "net.yaml", "--data", "rows", "--name", "s", "--address", address),
            *("--workers-per-trial", "1:2", "--test-fraction", "0"),
            *("--checkpoint-every", "1000"),
            RAY_AUTH_MODE="disabled",
            RAY_TRAIN_PREEMPTION_POLL_INTERVAL_S="1",
        )
        driver.until(lambda: (trial / "metrics.csv").exists())
        stack.enter_context(ray_node(address, folder, cpus=1))
        assert not (trial / "checkpoint").exists()
        give_notice(address, cpus=2)
        driver.until(lambda: any(trial.glob("checkpoint/*.safetensors")))
        doomed.close()
        assert len(read_metrics(trial / "metrics.csv")) < config["epochs"]
        done.touch()
        assert driver.wait(240) == 0, driver.said()
    (ended,) = trials_of(tmp_path / "runs" / "s")
    assert ended.user_attrs["retries"] == 1

    # With one worker for the rest it comes to the same, to rounding.
    family = Net()
    typed = NetConfig.model_validate({**config, "pause": 0})
    items = family.progress(typed, family.load(Source(path=str(tmp_path / "rows"))), Worker())
    expected = [item.metrics["mse"] for item in items if item.metrics is not None]
    found = [row["mse"] for row in read_metrics(trial / "metrics.csv")]
    assert found == pytest.approx(expected, abs=1e-5)
