"""Configurations ranked by their mean over seeds."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from distrib.records import Dimension, StudyRecord, TrialRecord
from distrib.tracking.tables import configurations_frame, write_tables


@pytest.fixture
def study() -> StudyRecord:
    dimensions = (
        Dimension("seed", "choice", choices=(0, 1)),
        Dimension("width", "choice", choices=(1, 2, 3)),
    )
    study = StudyRecord("s", "segmenter", "loss", "min", "epoch", 3, 6, dimensions, seeds=("seed",))
    values = [(0, 1, 0.5), (1, 1, 0.7), (0, 2, 0.4), (1, 2, 0.6), (0, 3, 0.1), (1, 3, None)]
    for number, (seed, width, value) in enumerate(values):
        state = "FAIL" if value is None else "COMPLETE"
        params = {"seed": seed, "width": width}
        study.trials[number] = TrialRecord(number, state, params, value)  # type: ignore[arg-type]
    return study


def test_means_over_seeds(study: StudyRecord) -> None:
    frame = configurations_frame(study)
    assert frame["param/width"].tolist() == [2, 1, 3]  # one seed alone does not win
    assert frame["mean_loss"].tolist() == pytest.approx([0.5, 0.6, 0.1])
    assert frame["sd_loss"].tolist()[:2] == pytest.approx([0.02**0.5, 0.02**0.5])
    assert frame["seeds"].tolist() == [2, 2, 1]
    assert frame["trials"].tolist() == ["2 3", "0 1", "4"]


def test_it_is_written_where_a_seed_varies(study: StudyRecord, tmp_path: Path) -> None:
    write_tables(tmp_path, study)
    assert len(pd.read_csv(tmp_path / "configurations.csv")) == 3
    study.dimensions = study.dimensions[1:]
    other = tmp_path / "other"
    other.mkdir()
    write_tables(other, study)
    assert not (other / "configurations.csv").exists()
