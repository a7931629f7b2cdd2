"""The tables hold every trial and every row, whatever the trials are like."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from distrib.records import StudyRecord, TrialRecord
from distrib.tracking.tables import (
    epochs_frame,
    leaderboard_frame,
    trials_frame,
    write_tables,
)


def test_the_three_tables(tmp_path: Path, fake_study: Any, write_rows: Any) -> None:
    study = fake_study(12)
    write_rows(tmp_path, study)
    write_tables(tmp_path, study)
    trials = pd.read_parquet(tmp_path / "trials.parquet")
    assert trials["trial"].tolist() == list(range(12))
    assert trials["state"].tolist() == [t.state for t in study.trials.values()]
    assert trials["score"].tolist() == [t.value for t in study.trials.values()]
    assert trials["param/optimiser.learning_rate"].tolist() == [
        t.params["optimiser.learning_rate"] for t in study.trials.values()
    ]
    momentum = [t.params.get("momentum") for t in study.trials.values()]
    assert trials["param/momentum"].isna().tolist() == [m is None for m in momentum]

    epochs = pd.read_parquet(tmp_path / "epochs.parquet")
    assert len(epochs) == sum(t.fidelity for t in study.trials.values())
    assert {"trial", "epoch", "score", "loss", "train/loss"} <= set(epochs.columns)
    last = epochs.groupby("trial").last()
    assert last["epoch"].tolist() == [t.fidelity for t in study.trials.values()]
    assert last["score"].tolist() == pytest.approx([t.value for t in study.trials.values()])

    board = pd.read_csv(tmp_path / "leaderboard.csv")
    assert board["rank"].tolist() == list(range(1, len(board) + 1))
    assert board["trial"].tolist() == [t.number for t in study.ranked()]
    complete = board[board["state"] == "COMPLETE"]["score"]
    assert complete.is_monotonic_decreasing
    assert "FAIL" not in set(board["state"])
    assert not list(tmp_path.glob(".*part*"))


def test_trials_come_in_their_order(fake_study: Any) -> None:
    study = fake_study(5)
    study.trials = dict(reversed(study.trials.items()))
    assert trials_frame(study)["trial"].tolist() == [0, 1, 2, 3, 4]


def test_choices_of_several_kinds(tmp_path: Path) -> None:
    study = StudyRecord("s", "toy", "score", "max", "epoch", 9, 4)
    for number, value in enumerate((True, 3, "x", None, 0.5)):
        study.trials[number] = TrialRecord(number, "COMPLETE", {"mixed": value}, value=1.0)
    write_tables(tmp_path, study)
    mixed = pd.read_parquet(tmp_path / "trials.parquet")["param/mixed"]
    assert mixed.dropna().tolist() == ["True", "3", "x", "0.5"]


@pytest.mark.parametrize("states", [[], ["FAIL", "FAIL"], ["RUNNING"], ["WAITING"]])
def test_studies_without_a_result(tmp_path: Path, states: list[Any]) -> None:
    study = StudyRecord("s", "toy", "score", "max", "epoch", 9, 4)
    for number, state in enumerate(states):
        study.trials[number] = TrialRecord(number, state)
    write_tables(tmp_path, study)
    assert len(pd.read_parquet(tmp_path / "trials.parquet")) == len(states)
    assert list(pd.read_parquet(tmp_path / "epochs.parquet").columns)[:2] == ["trial", "epoch"]
    assert len(leaderboard_frame(study)) == 0
    header = (tmp_path / "leaderboard.csv").read_text().splitlines()[0]
    assert header.startswith("rank,trial")


def test_trials_with_different_columns(tmp_path: Path) -> None:
    study = StudyRecord("s", "toy", "score", "max", "epoch", 9, 4)
    for number, text in enumerate(("step,score\n1,0.5\n", "step,score,loss\n1,0.25,2\n")):
        study.trials[number] = TrialRecord(number, "COMPLETE", value=0.5)
        folder = tmp_path / "trials" / f"{number:04d}"
        folder.mkdir(parents=True)
        (folder / "metrics.csv").write_text(text)
    frame = epochs_frame(tmp_path, study)
    assert list(frame.columns) == ["trial", "epoch", "score", "loss"]
    assert frame["score"].tolist() == [0.5, 0.25]
    assert frame["loss"].isna().tolist() == [True, False]


def test_a_metric_of_the_name_trial_has_a_column_of_its_own(tmp_path: Path) -> None:
    study = StudyRecord("s", "toy", "score", "max", "epoch", 9, 4)
    study.trials[0] = TrialRecord(0, "COMPLETE", value=0.5)
    (tmp_path / "trials" / "0000").mkdir(parents=True)
    (tmp_path / "trials" / "0000" / "metrics.csv").write_text("step,score,trial\n1,0.5,7.5\n")
    frame = epochs_frame(tmp_path, study)
    assert frame["trial"].tolist() == [0]
    assert frame["trial (reported)"].tolist() == [7.5]


def test_a_choice_called_null_is_read_as_it_stands(tmp_path: Path) -> None:
    study = StudyRecord("s", "toy", "score", "max", "epoch", 9, 4)
    for number, word in enumerate(("null", "NA", "motif")):
        study.trials[number] = TrialRecord(number, "COMPLETE", {"model": word}, value=1.0 - number)
    write_tables(tmp_path, study)
    board = pd.read_csv(tmp_path / "leaderboard.csv")
    assert board["param/model"].tolist() == ["'null'", "'NA'", "motif"]
    trials = pd.read_parquet(tmp_path / "trials.parquet")
    assert trials["param/model"].tolist() == ["null", "NA", "motif"]
