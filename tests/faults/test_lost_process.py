"""A trial's process that is killed: begun again from its checkpoint, and counted."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from distrib.study.metrics_file import read_metrics
from tests.driver import trials_of, write_space

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(300)]


def test_lost_failed_and_diverged_trials(start: Any, tmp_path: Path) -> None:
    write_space(
        tmp_path / "toy.yaml",
        {
            "kind": ["curve", "die once", "die", "bug", "nan", "silent", "memory"],
            "at": 7,
            "pause": 0.1,
            "options": str(tmp_path / "marker"),
        },
        scheduler="none",
        trials=7,
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
    for words in ("lost node: 1", "bug: 2", "diverged: 1", "out of memory: 1"):
        assert words in driver.said()


def test_no_success_is_an_exit_code_of_its_own(start: Any, tmp_path: Path) -> None:
    write_space(tmp_path / "toy.yaml", {"kind": "bug", "pause": 0}, trials=3, scheduler="none")
    driver = start("--space", "toy.yaml")
    assert driver.wait() == 3, driver.said()
    assert "no trial succeeded" in driver.said()
    assert not (tmp_path / "runs" / "toy-0" / "best").exists()
