"""`metrics.csv`: every unit once, whatever was torn."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from distrib.study.record.metrics_file import MetricsFile
from distrib.trial_files import read_metrics
from tests.support.simulate import Simulation, toy_plan

pytestmark = pytest.mark.usefixtures("random_clock")


@pytest.fixture
def metrics(tmp_path: Path) -> Iterator[Path]:
    Simulation(toy_plan(trials=1, scheduler="none"), tmp_path).run()
    yield tmp_path / "trials" / "0000" / "metrics.csv"


def test_metrics_of_every_unit(metrics: Path) -> None:
    rows = read_metrics(metrics)
    assert metrics.read_text().splitlines()[0] == "step,score,loss,train/loss,time"
    assert [row["step"] for row in rows] == list(range(1, 10))
    assert [row["time"] for row in rows] == sorted(row["time"] for row in rows)
    assert all(row["loss"] == 1 - row["score"] for row in rows)


def test_a_torn_line_of_metrics_is_taken_back(metrics: Path) -> None:
    content = metrics.read_bytes()
    written = read_metrics(metrics)
    for end in range(len(content) + 1):
        metrics.write_bytes(content[:end])
        whole = max(0, content[:end].count(b"\n") - 1)
        assert len(read_metrics(metrics)) == whole
        file = MetricsFile(metrics)
        assert file.last_step == whole
        file.append([row for row in written if row["step"] > file.last_step])
        assert read_metrics(metrics) == written


def test_a_metric_that_comes_later_has_a_column(tmp_path: Path) -> None:
    path = tmp_path / "metrics.csv"
    first, second = {"step": 1, "score": 0.5, "time": 1.0}, {"step": 2, "score": 0.75, "time": 2.0}
    third = {"step": 3, "score": 0.875, "auc": 0.25, "time": 3.0}
    MetricsFile(path).append([first, second])
    MetricsFile(path).append([third, {**first, "step": 4}])
    assert read_metrics(path) == [first, second, third, {**first, "step": 4}]
    assert MetricsFile(path).last_step == 4
    assert path.read_text().splitlines()[:2] == ["step,score,time,auc", "1,0.5,1.0,"]
