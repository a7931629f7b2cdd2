"""The leaderboard across studies orders by direction, and reads at any width."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from distrib.errors import InputError
from distrib.records import StudyRecord, TrialRecord
from distrib.tracking.compare import leaderboard, of_other_data, render
from distrib.tracking.wording import arrow


def study(name: str, value: float | None, direction: Any = "max", **more: Any) -> StudyRecord:
    made = StudyRecord(name, more.get("trainable", "toy"), "score", direction, "epoch", 9, 4)
    made.trials[0] = TrialRecord(0, "FAIL", value=1e9, failure="bug")
    made.trials[1] = TrialRecord(1, "PRUNED", value=None)
    if value is not None:
        made.trials[2] = TrialRecord(2, "COMPLETE", value=value)
        made.trials[3] = TrialRecord(3, "COMPLETE", value=value)
    return made


def figures(folder: Path, test: dict[str, float], baselines: Any) -> Path:
    (folder / "best").mkdir(parents=True)
    found = {"trial": 2, "validation": {}, "test": test, "baselines": baselines}
    (folder / "best" / "metrics.json").write_text(json.dumps(found))
    return folder


@pytest.mark.parametrize(
    ("direction", "order"), [("max", ["b", "c", "a", "none"]), ("min", ["a", "c", "b", "none"])]
)
def test_best_first(direction: Any, order: list[str]) -> None:
    values = {"a": 0.1, "none": None, "b": 0.9, "c": 0.5}
    frame = leaderboard([(Path(n), study(n, v, direction)) for n, v in values.items()])
    assert list(frame["study"]) == order


def test_a_row_is_of_the_trial_whose_figures_it_shows(tmp_path: Path) -> None:
    """Fresh seeds preferred another trial, or the study went on after its winner was trained."""
    folder = figures(tmp_path / "a", {"score": 0.75}, {})
    made = study("a", 0.5)
    made.trials[4] = TrialRecord(4, "COMPLETE", value=0.625)
    row = leaderboard([(folder, made)]).iloc[0]
    assert (row["trial"], row["best"], row["test"]) == (2, 0.5, 0.75)


def test_families_stay_together() -> None:
    studies = [
        study("x", 0.1, trainable="b"),
        study("y", 0.2, trainable="a"),
        study("z", 0.3, trainable="b"),
    ]
    frame = leaderboard([(Path(s.name), s) for s in studies])
    assert list(frame["study"]) == ["y", "z", "x"]


@pytest.mark.parametrize(("direction", "baseline"), [("max", 0.5), ("min", 0.25)])
def test_a_row(tmp_path: Path, direction: Any, baseline: float) -> None:
    baselines = {"mean": {"score": 0.25, "test/score": 9.0}, "ridge": {"score": 0.5}, "x": {}}
    folder = figures(tmp_path / "a", {"score": 0.75, "loss": 1.0}, baselines)
    row = leaderboard([(folder, study("a", 0.5, direction))]).iloc[0]
    assert row.to_dict() == {
        "study": "a",
        "trainable": "toy",
        "metric": "score",
        "direction": direction,
        "best": 0.5,
        "test": 0.75,
        "baseline": baseline,
        "trial": 2,
        "trials": 4,
        "complete": 2,
        "pruned": 1,
        "failed": 1,
        "paused": 0,
        "folder": str(folder),
    }


def test_a_study_without_a_winner_has_blanks() -> None:
    row = leaderboard([(Path("nowhere"), study("a", None))]).iloc[0]
    assert row[["best", "test", "baseline", "trial"]].isna().all()
    assert row["failed"] == 1


def test_no_study_at_all() -> None:
    frame = leaderboard([])
    assert len(frame) == 0
    assert "best" in frame.columns


@pytest.mark.parametrize("content", ["{", "[1]"])
def test_figures_that_are_none(tmp_path: Path, content: str) -> None:
    (tmp_path / "best").mkdir()
    (tmp_path / "best" / "metrics.json").write_text(content)
    with pytest.raises(InputError, match=r"metrics\.json"):
        leaderboard([(tmp_path, study("a", 0.5))])


def test_it_goes_through_every_table_format(tmp_path: Path) -> None:
    frame = leaderboard([(Path("a"), study("a", 0.5)), (Path("b"), study("b", None))])
    frame.to_parquet(tmp_path / "frame.parquet", index=False)
    frame.to_csv(tmp_path / "frame.csv", index=False)
    pd.testing.assert_frame_equal(pd.read_parquet(tmp_path / "frame.parquet"), frame)
    assert pd.read_csv(tmp_path / "frame.csv")["best"].tolist()[0] == 0.5


def test_on_a_narrow_terminal(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for key, value in {"COLUMNS": "80", "LINES": "24", "FORCE_COLOR": "1"}.items():
        monkeypatch.setenv(key, value)
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "dumb")
    long = "a-study-with-a-name-that-nobody-would-type-twice-in-a-row-or-would-they"
    render(leaderboard([(Path("a"), study(long, 0.51234)), (Path("b"), study("[b]", 0.25))]))
    lines = capsys.readouterr().out.splitlines()
    assert max(map(len, lines)) <= 80
    assert any("0.5123" in line and "2+1+1" in line for line in lines)
    assert any(line.lstrip().startswith("[b]") for line in lines)


def test_through_a_pipe_nothing_is_cut(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "40")
    monkeypatch.delenv("FORCE_COLOR", raising=False)
    long = "a-study-with-a-name-that-nobody-would-type-twice-in-a-row-or-would-they"
    render(leaderboard([(Path("a"), study(long, 0.51234))]))
    out = capsys.readouterr().out
    assert "\x1b" not in out
    row = next(line for line in out.splitlines() if line.startswith(long))
    assert row.split() == [long, "score", "↑", "0.5123", "-", "-", "2", "2+1+1"]
    assert max(map(len, out.splitlines())) < 220


def test_studies_of_other_data_are_told_apart() -> None:
    one, two, three = (study(name, 0.5) for name in ("a", "b", "c"))
    assert of_other_data([(one, "x"), (two, "x")]) == []
    (line,) = of_other_data([(one, "x"), (two, "y"), (three, "x")])
    assert line == "score: these are of different data, and do not compare: a, c | b"
    three.metric = "loss"
    assert of_other_data([(one, "x"), (three, "y")]) == []


def test_a_standard_error_has_no_better_direction() -> None:
    assert [arrow("loss", "min"), arrow("gap", "max"), arrow("gap_se", "min")] == [" ↓", " ↑", ""]
