"""`kill -9` of Ray's own processes: the driver says so and how to go on, and a resume does."""

from __future__ import annotations

import os
import signal
from pathlib import Path
from typing import Any

import pytest

from tests.support.driver import ended_trials, trials_of, write_space
from tests.support.ray_cluster import left_on, process_of, ray_cluster

pytestmark = [pytest.mark.ray, pytest.mark.timeout(300)]


@pytest.mark.parametrize(
    "process", ["raylet/raylet", pytest.param("gcs/gcs_server", marks=pytest.mark.exhaustive)]
)
def test_a_study_without_its_ray_says_how_to_go_on(
    process: str, start: Any, tmp_path: Path
) -> None:
    write_space(tmp_path / "toy.yaml", {"pause": 0.2}, trials=6, scheduler="none")
    driver = start("--space", "toy.yaml", "--name", "toy", "--checkpoint-every", "0.1")
    study = tmp_path / "runs" / "toy"
    driver.until(lambda: ended_trials(study) > 0)
    os.kill(driver.process_id(process), signal.SIGKILL)
    assert driver.wait() == 130, driver.said()
    said = driver.said()
    assert f"{process.rpartition('/')[2]}) is gone; nothing that ended is lost" in said
    assert "python -m distrib.tune --resume runs/toy --allow-custom" in said
    assert "Traceback" not in said
    assert " C " not in said and "*** " not in said  # lines of Ray's C++, and its stacks
    last = start("--resume", "runs/toy")
    assert last.wait() == 0, last.said()
    assert [t.state.name for t in trials_of(study)] == ["COMPLETE"] * 6


@pytest.mark.exhaustive
@pytest.mark.parametrize("process", ["raylet/raylet", "gcs/gcs_server"])
def test_a_study_on_a_cluster_that_goes_says_so_and_goes_on_on_another(
    process: str, start: Any, tmp_path: Path
) -> None:
    write_space(tmp_path / "toy.yaml", {"pause": 0.3}, trials=6, scheduler="none")
    study, name = tmp_path / "runs" / "toy", process.rpartition("/")[2]
    with ray_cluster(cpus=2) as (address, folder):
        driver = start(
            *("--space", "toy.yaml", "--name", "toy", "--checkpoint-every", "0.1"),
            *("--address", address),
            RAY_AUTH_MODE="disabled",
        )
        driver.until(lambda: ended_trials(study) > 0)
        os.kill(process_of(folder, process), signal.SIGKILL)
        assert driver.wait(120) == 130, driver.said()
    said = driver.said()
    assert f"({name})" in said
    assert "nothing that ended is lost" in said
    (line,) = [line for line in said.splitlines() if "distrib.tune --resume runs/toy" in line]
    assert "Traceback" not in said
    with ray_cluster(cpus=2) as (address, _):
        words = line.split("--resume", 1)[1].split()
        words = [address if word.count(":") == 1 else word for word in words]
        last = start("--resume", *words, RAY_AUTH_MODE="disabled")
        assert last.wait() == 0, last.said()
        assert left_on(address) == "nothing"
    assert [t.state.name for t in trials_of(study)] == ["COMPLETE"] * 6
