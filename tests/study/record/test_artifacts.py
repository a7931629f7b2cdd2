"""What a training leaves beside its metrics is that of the unit which was seen last."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from distrib.study.record.artifacts import HELD_OUT, TrialArtifacts, read_held_out
from distrib.trainables.base import Progress, State


def item(step: int) -> Progress:
    return Progress(
        step,
        lambda: State({}, {}),
        {"pearson": 0.5},
        held_out=lambda: pd.DataFrame({"id": ["a", "b"], "g": [float(step), 0.5]}),
        tables={"penalties": lambda: pd.DataFrame({"step": [step]})},
    )


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "trial" / "checkpoints"


def test_predictions_are_those_of_their_unit(folder: Path) -> None:
    artifacts = TrialArtifacts(folder)
    artifacts.see(item(2))
    artifacts.see(item(3))
    artifacts.write(held_out=True)
    found = read_held_out(folder, 3)
    assert found is not None
    assert found.to_dict("list") == {"id": ["a", "b"], "g": [3.0, 0.5]}
    assert read_held_out(folder, 2) is None
    assert pd.read_csv(folder.parent / "penalties.csv")["step"].tolist() == [3]


def test_nothing_is_made_until_it_is_written(folder: Path) -> None:
    made: list[int] = []

    def costly() -> pd.DataFrame:
        made.append(1)
        return pd.DataFrame({"id": ["a"], "g": [1.0]})

    artifacts = TrialArtifacts(folder)
    for step in range(1, 9):
        artifacts.see(Progress(step, lambda: State({}, {}), held_out=costly))
    assert not made
    artifacts.write(held_out=True)
    artifacts.write(held_out=True)  # nothing new
    assert len(made) == 1


def test_predictions_are_left_out_where_they_are_not_wanted(folder: Path) -> None:
    artifacts = TrialArtifacts(folder)
    artifacts.see(item(1))
    artifacts.write(held_out=False)
    assert not (folder / HELD_OUT).exists()
    assert (folder.parent / "penalties.csv").is_file()
    assert read_held_out(folder, 1) is None
