"""A trial's process that is killed: begun again from its checkpoint, and counted."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from distrib.trial_files import read_metrics
from tests.support.driver import trials_of, write_space

pytestmark = [pytest.mark.ray, pytest.mark.timeout(300)]


def test_lost_failed_and_diverged_trials(start: Any, tmp_path: Path) -> None:
    kinds = ["curve", "die once", "die", "bug", "exit", "interrupt", "nan", "silent", "memory"]
    write_space(
        tmp_path / "toy.yaml",
        {
            "kind": kinds,
            "at": 7,
            "pause": 0.1,
            "options": str(tmp_path / "marker"),
        },
        scheduler="none",
        trials=len(kinds),
    )
    driver = start("--space", "toy.yaml", "--checkpoint-every", "0.2", "--concurrent", "2")
    assert driver.wait() == 0, driver.said()
    study = tmp_path / "runs" / "toy-0"
    by_kind = {t.params["kind"]: t for t in trials_of(study)}
    ends = {kind: (t.state.name, t.user_attrs.get("failure")) for kind, t in by_kind.items()}
    assert ends == {
        "curve": ("COMPLETE", None),
        "die once": ("COMPLETE", None),
        "die": ("FAIL", "lost node"),
        "bug": ("FAIL", "bug"),
        "exit": ("FAIL", "bug"),
        "interrupt": ("FAIL", "bug"),
        "nan": ("FAIL", "diverged"),
        "silent": ("FAIL", "bug"),
        "memory": ("FAIL", "out of memory"),
    }
    retries = {kind: t.user_attrs.get("retries", 0) for kind, t in by_kind.items()}
    assert retries.pop("die once") == 1
    assert retries.pop("die") == 3
    assert set(retries.values()) == {0}

    once = study / "trials" / f"{by_kind['die once'].number:04d}"
    rows = read_metrics(once / "metrics.csv")
    assert [row["step"] for row in rows] == list(range(1, 10))
    begins = [
        int(line.rpartition(" ")[2])
        for line in (once / "console.log").read_text().splitlines()
        if line.startswith("begins after epoch")
    ]
    assert len(begins) == 2
    assert begins[0] == 0
    assert begins[1] > 0

    bug = study / "trials" / f"{by_kind['bug'].number:04d}" / "console.log"
    assert "RuntimeError: a bug of the family's" in bug.read_text()
    # The summary counts each class.
    for words in ("lost node: 1", "bug: 4", "diverged: 1", "out of memory: 1"):
        assert words in driver.said()


@pytest.mark.exhaustive
def test_a_death_between_two_trials_costs_the_next_one_nothing(start: Any, tmp_path: Path) -> None:
    kinds = ["die between", "curve", "bug"]
    write_space(
        tmp_path / "toy.yaml", {"kind": {"grid": kinds}, "pause": 0}, scheduler="none", trials=3
    )
    driver = start("--space", "toy.yaml", "--concurrent", "1")
    assert driver.wait() == 0, driver.said()
    trials = trials_of(tmp_path / "runs" / "toy-0")
    assert [t.state.name for t in trials] == ["COMPLETE", "COMPLETE", "FAIL"]
    assert [t.user_attrs.get("retries", 0) for t in trials] == [0] * 3
    assert trials[-1].user_attrs["failure"] == "bug"


def test_a_process_that_was_stopped_is_ended_where_that_is_asked(
    start: Any, tmp_path: Path
) -> None:
    write_space(
        tmp_path / "toy.yaml", {"kind": {"grid": ["stop", "curve"]}}, scheduler="none", trials=2
    )
    driver = start("--space", "toy.yaml", "--concurrent", "1", "--stall-timeout", "15s")
    assert driver.wait() == 0, driver.said()
    stopped, other = trials_of(tmp_path / "runs" / "toy-0")
    assert (stopped.state.name, other.state.name) == ("FAIL", "COMPLETE")
    assert stopped.user_attrs["failure"] == "stalled"
    assert "retries" not in stopped.user_attrs
    assert re.search(r"trial 0: no progress for 1[5-9] s: its process \d+ on \S+ is ended",
                     driver.said()), driver.said()  # fmt: skip


GIB = 2**30


@pytest.mark.exhaustive
def test_a_process_that_ray_ends_for_its_memory_is_out_of_memory(
    start: Any, tmp_path: Path
) -> None:
    """Ray's memory monitor comes before the kernel; the study goes on with the next trial."""
    lines = Path("/proc/meminfo").read_text().splitlines()
    size = {line.split(":")[0]: 1024 * int(line.split()[1]) for line in lines}
    share = (size["MemTotal"] - size["MemAvailable"] + 4 * GIB) / size["MemTotal"]
    if share > 0.9:
        pytest.skip("too little memory is free")
    write_space(
        tmp_path / "toy.yaml",
        {"kind": ["hog", "curve"], "at": 3, "pause": 0.1, "options": 6 * GIB},
        scheduler="none",
        trials=2,
    )
    driver = start(
        *("--space", "toy.yaml", "--concurrent", "1"),
        RAY_memory_usage_threshold=f"{share:.3f}",
        RAY_memory_monitor_refresh_ms="100",
    )
    assert driver.wait() == 0, driver.said()
    by_kind = {t.params["kind"]: t for t in trials_of(tmp_path / "runs" / "toy-0")}
    assert by_kind["curve"].state.name == "COMPLETE"
    assert by_kind["hog"].user_attrs["failure"] == "out of memory"
    assert "the node ran low on memory" in by_kind["hog"].user_attrs["reason"]
    assert "Trials did not complete" not in driver.said()
