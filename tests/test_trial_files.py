"""Reading what a trial reported, whole or torn."""

from __future__ import annotations

import math
from pathlib import Path

from distrib.trial_files import read_columns


def test_an_empty_cell_is_nan(tmp_path: Path) -> None:
    path = tmp_path / "metrics.csv"
    path.write_text("step,score,loss\n1,0.5,\n2,inf,0.25\n")
    columns = read_columns(path)
    assert columns["step"] == [1, 2]
    assert columns["score"] == [0.5, math.inf]
    assert math.isnan(columns["loss"][0])
    assert columns["loss"][1] == 0.25


def test_a_torn_last_line_is_passed_over(tmp_path: Path) -> None:
    path = tmp_path / "metrics.csv"
    path.write_text("step,score\n1,0.5\n2,0.7")
    assert read_columns(path) == {"step": [1], "score": [0.5]}
    path.write_text("step,sco")
    assert read_columns(path) == {}
    path.unlink()
    assert read_columns(path) == {}
