"""Trials of two workers each: what happens when one of them, or what connects them, is lost."""

from __future__ import annotations

import os
import re
import signal
from itertools import pairwise
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml

from distrib.trial_files import read_metrics
from tests.families.stream_family import write_rows
from tests.support.driver import ended_trials, trials_of, write_space
from tests.support.ray_cluster import left_on, ray_cluster, ray_node

pytestmark = [pytest.mark.ray, pytest.mark.timeout(540)]

TWO = ("--workers-per-trial", "2", "--concurrent", "1")
HANDED_OVER = 5.0  # seconds from the end of a trial to the first unit of the next one of its group
TOGETHER = {"trainable": "tests.families.toys:Together", "scheduler": "none"}


def workers(trial: Path) -> list[str]:
    """What each beginning of a trial says of its rank 1: the process."""
    log = (trial / "console-rank1.log").read_text()
    return re.findall(r"worker 1 of 2, process (\d+)", log)


@pytest.mark.exhaustive
def test_lost_failed_and_diverged_trials_of_groups(start: Any, tmp_path: Path) -> None:
    kinds = ["curve", "die once", "die", "bug", "input"]
    write_space(
        tmp_path / "toy.yaml",
        {"kind": kinds, "at": 7, "pause": 0.1, "options": str(tmp_path / "marker")},
        trials=len(kinds),
        **TOGETHER,
    )
    driver = start("--space", "toy.yaml", "--checkpoint-every", "0.2", *TWO)
    assert driver.wait(270) == 0, driver.said()  # a dozen groups begin
    study = tmp_path / "runs" / "toy-0"
    by_kind = {t.params["kind"]: t for t in trials_of(study)}
    ends = {kind: (t.state.name, t.user_attrs.get("failure")) for kind, t in by_kind.items()}
    assert ends == {
        "curve": ("COMPLETE", None),
        "die once": ("COMPLETE", None),
        "die": ("FAIL", "lost node"),
        "bug": ("FAIL", "bug"),
        "input": ("FAIL", "bad configuration"),
    }
    assert by_kind["die once"].user_attrs["retries"] == 1
    assert by_kind["curve"].user_attrs.get("retries", 0) == 0
    assert by_kind["bug"].user_attrs["reason"].startswith("worker 1: RuntimeError")
    folder = {kind: study / "trials" / f"{t.number:04d}" for kind, t in by_kind.items()}
    for kind in ("curve", "die once"):
        rows = read_metrics(folder[kind] / "metrics.csv")
        assert [row["step"] for row in rows] == list(range(1, 10))
    assert len(set(workers(folder["die once"]))) == 2
    begins = re.findall(
        r"begins after epoch (\d+)", (folder["die once"] / "console.log").read_text()
    )
    assert len(begins) == 2
    assert int(begins[1]) > 0
    assert (study / "best" / "weights.safetensors").exists()


DYING = """
import os
import ray.train
from tests.families.toys import Together as Dying
try:
    rank = ray.train.get_context().get_world_rank()
except Exception:
    rank = None  # not a worker of a group
if rank == 1:
    os.kill(os.getpid(), 9)
"""


@pytest.mark.exhaustive
def test_a_worker_that_dies_before_the_group_is_one_is_not_waited_for(
    start: Any, tmp_path: Path
) -> None:
    (tmp_path / "dying.py").write_text(DYING)
    write_space(tmp_path / "toy.yaml", trials=1, **{**TOGETHER, "trainable": "dying:Dying"})
    driver = start("--space", "toy.yaml", *TWO)
    assert driver.wait(200) == 3, driver.said()
    (trial,) = trials_of(tmp_path / "runs" / "toy-0")
    assert trial.user_attrs["failure"] == "lost node"
    assert "without a further unit" in trial.user_attrs["reason"]  # and what a worker said of it


@pytest.mark.exhaustive
def test_a_lost_mailbox_is_not_noticed(start: Any, tmp_path: Path) -> None:
    write_space(tmp_path / "toy.yaml", {"pause": 0.1}, trials=4, **TOGETHER)
    driver = start("--space", "toy.yaml", *TWO)
    study = tmp_path / "runs" / "toy-0"
    for ended in (1, 2):
        driver.until(lambda ended=ended: ended_trials(study) >= ended)
        for line in driver.running():  # who looks after the workers does without torch
            if any(who in line for who in ("ray::Mailbox", "ResourceTrainable", "ray::Controller")):
                assert "libtorch" not in Path(f"/proc/{line.split()[0]}/maps").read_text()
        os.kill(driver.process_id("ray::Mailbox"), signal.SIGKILL)
    assert driver.wait() == 0, driver.said()
    trials = trials_of(study)
    assert {t.state.name for t in trials} == {"COMPLETE"}
    assert [t.user_attrs.get("retries", 0) for t in trials] == [0, 0, 0, 0]
    for trial in trials:
        rows = read_metrics(study / "trials" / f"{trial.number:04d}" / "metrics.csv")
        assert [row["step"] for row in rows] == list(range(1, 10))


def test_the_group_is_kept_for_the_trials_that_follow(start: Any, tmp_path: Path) -> None:
    write_space(tmp_path / "toy.yaml", {"pause": 0}, trials=6, **{**TOGETHER, "scheduler": "asha"})
    driver = start("--space", "toy.yaml", *TWO)
    assert driver.wait() == 0, driver.said()
    study = tmp_path / "runs" / "toy-0"
    trials = trials_of(study)
    stopped = [t for t, _ in pairwise(trials) if t.state.name == "PRUNED"]
    assert stopped
    for trial in stopped:
        rows = read_metrics(study / "trials" / f"{trial.number + 1:04d}" / "metrics.csv")
        waited = rows[0]["time"] - trial.datetime_complete.timestamp()
        assert 0 <= waited < HANDED_OVER
    processes = {p for trial in sorted(study.glob("trials/*")) for p in workers(trial)}
    assert len(processes) == 1


@pytest.mark.exhaustive
@pytest.mark.parametrize("end", ["whole", "interrupted", "interrupted early", "killed"])
def test_nothing_of_a_group_is_left_on_a_cluster(start: Any, tmp_path: Path, end: str) -> None:
    write_space(tmp_path / "toy.yaml", {"pause": 0.05}, trials=2, **TOGETHER)
    study = tmp_path / "runs" / "toy-0"
    with ray_cluster(cpus=2) as (address, _):
        driver = start("--space", "toy.yaml", "--address", address, *TWO, RAY_AUTH_MODE="disabled")
        if end == "interrupted early":
            driver.until((study / "trials").exists)
        elif end != "whole":
            driver.until(lambda: any(study.glob("trials/0000/metrics.csv")))
        if end == "killed":
            driver.kill()
        else:
            if end != "whole":
                driver.interrupt()
            assert driver.wait() == (0 if end == "whole" else 130), driver.said()
            assert not (study / ".ray").exists()
        assert left_on(address) == "nothing"


@pytest.mark.exhaustive
@pytest.mark.parametrize("who", ["ResourceTrainable", "ray::Controller"])
def test_a_lost_slot_leaves_room_for_the_next(start: Any, tmp_path: Path, who: str) -> None:
    write_space(tmp_path / "toy.yaml", {"pause": 0.2}, trials=1, **TOGETHER)
    driver = start("--space", "toy.yaml", "--checkpoint-every", "0.1", *TWO)
    study = tmp_path / "runs" / "toy-0"
    driver.until(lambda: any(study.glob("trials/0000/checkpoint/*")))
    os.kill(driver.process_id(who), signal.SIGKILL)
    assert driver.wait() == 0, driver.said()
    (trial,) = trials_of(study)
    assert trial.user_attrs["retries"] == 1
    rows = read_metrics(study / "trials" / "0000" / "metrics.csv")
    assert [row["step"] for row in rows] == list(range(1, 10))


@pytest.mark.exhaustive
def test_a_group_with_a_stopped_worker_is_ended_where_that_is_asked(
    start: Any, tmp_path: Path
) -> None:
    """All of it, on another node too: its place is free for the next one."""
    write_space(tmp_path / "toy.yaml", {"kind": {"grid": ["stop", "curve"]}}, trials=2, **TOGETHER)
    study = tmp_path / "runs" / "toy-0"
    with (
        ray_cluster(cpus=0) as (address, folder),
        ray_node(address, folder, cpus=2, ip="127.0.0.2"),
    ):
        words = ("--space", "toy.yaml", "--address", address, "--stall-timeout", "45s", *TWO)
        driver = start(*words, RAY_AUTH_MODE="disabled")
        assert driver.wait(400) == 0, driver.said()
        assert left_on(address) == "nothing"
    stopped, other = trials_of(study)
    assert (stopped.state.name, other.state.name) == ("FAIL", "COMPLETE")
    assert stopped.user_attrs["failure"] == "stalled"
    assert "retries" not in stopped.user_attrs
    (hung,) = workers(study / "trials" / "0000")
    assert re.search(rf"\b{hung} on \S+", stopped.user_attrs["reason"])
    assert not Path(f"/proc/{hung}").exists()


@pytest.mark.exhaustive
def test_a_trial_is_stopped_while_its_group_begins_again(start: Any, tmp_path: Path) -> None:
    """A worker dies as its trial, told to have lost, is stopped: no trial waits for ever, or twice.

    The trial keeps its verdict, and the next one takes the group that starts.
    """
    heights = {0.9: "curve", 0.1: "die after", 0.05: "die after", 0.95: "curve"}
    write_space(
        tmp_path / "toy.yaml",
        {
            "height": {"grid": list(heights)},
            "kind": {"grid": ["curve", "die after"]},
            "at": 1,
            "noise": 0.0,
            "rate": 0.5,
            "pause": 0.1,
        },
        trials=len(heights),
        points=[{"height": height, "kind": kind} for height, kind in heights.items()],
        grace=1,
        **{**TOGETHER, "scheduler": "asha"},
    )
    with ray_cluster(cpus=2) as (address, _):
        words = ("--space", "toy.yaml", "--address", address, "--checkpoint-every", "0.1")
        driver = start(*words, *TWO, RAY_AUTH_MODE="disabled")
        assert driver.wait(400) == 0, driver.said()
        assert left_on(address) == "nothing"
    trials = trials_of(tmp_path / "runs" / "toy-0")
    assert [t.state.name for t in trials] == ["COMPLETE", "PRUNED", "PRUNED", "COMPLETE"]
    assert all(t.user_attrs.get("retries", 0) <= 1 for t in trials)
    rows = read_metrics(tmp_path / "runs" / "toy-0" / "trials" / "0003" / "metrics.csv")
    assert [row["step"] for row in rows] == list(range(1, 10))


@pytest.mark.exhaustive
def test_an_interrupted_study_of_groups_goes_on(start: Any, tmp_path: Path) -> None:
    write_space(tmp_path / "toy.yaml", {"pause": 0.1}, trials=3, **TOGETHER)
    first = start("--space", "toy.yaml", "--checkpoint-every", "0.2", *TWO)
    study = tmp_path / "runs" / "toy-0"
    first.until(lambda: any(study.glob("trials/0001/checkpoint/*")))
    first.interrupt()
    assert first.wait() == 130, first.said()
    second = start("--resume", "runs/toy-0")
    assert second.wait() == 0, second.said()
    for trial in trials_of(study):
        rows = read_metrics(study / "trials" / f"{trial.number:04d}" / "metrics.csv")
        assert [row["step"] for row in rows] == list(range(1, 10))


def streamed(start: Any, folder: Path, name: str, hidden: Any = 4) -> tuple[Any, Path]:
    """A study, usually of one trial, on a stream, by two workers, in steps that take their time."""
    space = {
        "trainable": "tests.families.stream_family:Net",
        "parameters": {"pause": 0.05, "epochs": 4, "hidden": hidden, "learning_rate": 0.1},
    }
    (folder / "net.yaml").write_text(yaml.safe_dump(space))
    driver = start(
        *("--space", "net.yaml", "--data", "rows", "--name", name),
        *("--checkpoint-every", "0.1", "--seed", "3", *TWO),
    )
    return driver, folder / "runs" / name


def test_a_worker_killed_amid_an_epoch_changes_nothing(start: Any, tmp_path: Path) -> None:
    (tmp_path / "rows").mkdir()
    write_rows(tmp_path / "rows", rows=400)
    calm, undisturbed = streamed(start, tmp_path, "calm")
    assert calm.wait() == 0, calm.said()
    driver, study = streamed(start, tmp_path, "killed")
    trial = study / "trials" / "0000"
    for file in ("metrics.csv", "checkpoint"):
        driver.until(lambda file=file: (trial / file).exists())
    os.kill(driver.process_id("RayTrainWorker", count=2), signal.SIGKILL)
    assert driver.wait() == 0, driver.said()
    (ended,) = trials_of(study)
    assert ended.user_attrs["retries"] == 1
    weights = "best/weights.safetensors"
    assert (study / weights).read_bytes() == (undisturbed / weights).read_bytes()
    rows, before = (
        [
            {k: v for k, v in row.items() if k != "time"}
            for row in read_metrics(folder / "trials" / "0000" / "metrics.csv")
        ]
        for folder in (study, undisturbed)
    )
    assert rows == before


@pytest.mark.exhaustive
def test_a_value_missing_amid_an_epoch_is_a_fault_of_the_data(start: Any, tmp_path: Path) -> None:
    (tmp_path / "rows").mkdir()
    write_rows(tmp_path / "rows", rows=400)
    file = next((tmp_path / "rows").glob("part-00003*"))
    table = pq.read_table(file)
    y = table.column("y").to_pylist()
    y[70] = None
    pq.write_table(table.set_column(1, "y", pa.array(y, "float32")), file, row_group_size=20)
    driver, study = streamed(start, tmp_path, "hole", hidden=[4, 5])
    assert driver.wait() == 3, driver.said()
    assert "failed, bad data: 1" in driver.said()
    assert "no more trials begin" in driver.said()
    assert f"{file.name}, row 71, column 'y': a value is missing" in driver.said()
    assert "lost node" not in driver.said()
    for trial in trials_of(study):
        assert trial.user_attrs["failure"] == "bad data"
        assert trial.user_attrs.get("retries", 0) == 0
    logs = [log.read_text() for log in study.glob("trials/*/console*.log")]
    assert len(logs) == 2
    assert "RuntimeError" not in "".join(logs)


def test_a_set_of_one_row_group_is_for_the_least_of_workers(start: Any, tmp_path: Path) -> None:
    """And what the winner's last training writes stands beside it."""
    (tmp_path / "rows").mkdir()
    write_rows(tmp_path / "rows", rows=20, files=1)
    parameters = {"epochs": 2, "hidden": 4}
    space = {"trainable": "tests.families.stream_family:Net", "parameters": parameters}
    (tmp_path / "net.yaml").write_text(yaml.safe_dump(space))
    words = ("--data", "rows", "--test-fraction", "0", "--workers-per-trial", "1:2")
    driver = start("--space", "net.yaml", *words)
    assert driver.wait() == 0, driver.said()
    assert "note: at most 1 workers train together on these data" in driver.said()
    log = tmp_path / "runs" / "net-0" / "best" / "console.log"
    assert log.read_text().count("trains a network") == 1
