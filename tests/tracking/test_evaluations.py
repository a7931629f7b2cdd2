"""A table of evaluations grows by a row, and is one family's alone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from distrib.errors import InputError
from distrib.tracking.evaluations import append_row, evaluation_row


def row(**more: Any) -> dict[str, Any]:
    given: dict[str, Any] = {
        "model": "runs/a/best",
        "trainable": "trimming",
        "training_data": "tra/",
        "validation_data": "trg/",
        "config": {"l2": 0.0, "grid": [1, 2]},
        "num_parameters": 12,
        "metrics": {"log_loss": 2.25},
    }
    return evaluation_row(**(given | more))


def test_a_row_tells_what_was_judged() -> None:
    assert row() == {
        "training_data": "tra/",
        "model": "runs/a/best",
        "trainable": "trimming",
        "l2": 0.0,
        "model_parameter_count": 12,
        "loss_type": "validation data",
        "validation_data": "trg/",
        "log_loss": 2.25,
    }
    own = row(validation_data=None)
    assert (own["loss_type"], own["validation_data"]) == ("training data", "tra/")


def test_a_hyperparameter_of_another_column_s_name_keeps_its_value(tmp_path: Path) -> None:
    """`loss` is chosen in one family and measured in the same; both stand in the table."""
    both = row(config={"loss": "focal", "model": "x", "l2": 0.5}, metrics={"loss": 2.25})
    assert (both["config.loss"], both["loss"]) == ("focal", 2.25)
    assert (both["config.model"], both["model"]) == ("x", "runs/a/best")
    assert both["l2"] == 0.5
    path = tmp_path / "evaluations.tsv"
    assert append_row(path, both) == 1
    assert append_row(path, both) == 2
    assert pd.read_csv(path, sep="\t")["loss"].tolist() == [2.25, 2.25]


def test_rows_are_added_and_kept_as_they_were(tmp_path: Path) -> None:
    path = tmp_path / "evaluations.tsv"
    assert append_row(path, row()) == 1
    before = path.read_text()
    assert append_row(path, row(metrics={"log_loss": 1 / 3}, num_parameters=None)) == 2
    assert path.read_text().startswith(before)
    found = pd.read_csv(path, sep="\t")
    assert found["log_loss"].tolist() == [2.25, 1 / 3]
    assert found["model_parameter_count"].isna().tolist() == [False, True]
    assert [p.name for p in tmp_path.iterdir()] == ["evaluations.tsv"]


@pytest.mark.parametrize("content", ["", "a\tb\n1\t2\n", "\x00\x01"])
def test_another_table_is_refused_and_left_alone(tmp_path: Path, content: str) -> None:
    path = tmp_path / "evaluations.tsv"
    path.write_text(content)
    with pytest.raises(InputError, match=r"evaluations\.tsv"):
        append_row(path, row())
    assert path.read_text() == content
