"""One table of several winners and the baselines that they share."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from distrib.errors import InputError
from distrib.records import StudyRecord
from distrib.tracking.ranking import Ranked, differences, draw_rows, ranking, render_ranking

METRICS: dict[str, Any] = {"pearson": "max", "rmse": "min"}
BASELINES = {
    "training mean": {"pearson": 0.6, "rmse": 2.0, "test/pearson": 0.5},
    "ridge": {"pearson": 0.8, "rmse": 1.0, "test/pearson": 0.7},
    "each its own mean (bound)": {"pearson": 1.0, "rmse": 0.0},
}


def winner(
    folder: Path,
    pearson: float,
    rmse: float,
    *,
    data: str = "same",
    test: dict[str, float] | None = None,
    **config: Any,
) -> Ranked:
    """A study with a winner of these figures, on disk."""
    best = folder / "best"
    best.mkdir(parents=True)
    figures = {
        "validation": {"pearson": pearson, "rmse": rmse},
        "test": test or {},
        "intervals": {"validation": {"pearson": [pearson - 0.1, pearson + 0.1]}},
        "baselines": BASELINES,
    }
    (best / "metrics.json").write_text(json.dumps(figures))
    config = {"folds": 5, "fold_seed": 0, **config}
    (best / "config.yaml").write_text(yaml.safe_dump({"trainable": "lel", "config": config}))
    rows = "\n".join(f"G{i},{pearson + i / 100}" for i in range(9))
    (best / "rows.csv").write_text(f"id,pearson\n{rows}\n")
    record = StudyRecord(folder.name, "lel", "pearson", "max", "fold", 5, 1, metrics=METRICS)
    stored = {
        "data": {"fingerprint": data, "source": {"path": "screen"}},
        "options": {"seed": 0, "test_fraction": 0.15},
    }
    return Ranked(folder, record, stored)


@pytest.fixture
def studies(tmp_path: Path) -> list[Ranked]:
    return [
        winner(tmp_path / "lel-0", 0.9, 1.5, test={"pearson": 0.85}),
        winner(tmp_path / "mlp-0", 0.7, 0.5),
    ]


def test_winners_and_baselines_are_in_one_order(studies: list[Ranked]) -> None:
    frame = ranking(studies)
    assert frame["model"].tolist() == ["lel-0 (lel)", "ridge", "mlp-0 (lel)", "training mean"]
    assert frame["kind"].tolist() == ["model", "baseline", "model", "baseline"]
    assert frame.loc[0, ["validation", "low", "high", "test"]].tolist() == pytest.approx(
        [0.9, 0.8, 1.0, 0.85]
    )
    assert frame.loc[1, "test"] == 0.7
    assert frame[["low", "high"]].isna().all(axis=1).tolist() == [False, True, False, True]


def test_of_what_is_to_be_small_the_least_is_first(studies: list[Ranked]) -> None:
    frame = ranking(studies, "rmse")
    assert frame["validation"].tolist() == [0.5, 1.0, 1.5, 2.0]
    assert set(frame["metric"]) == {"rmse"}
    assert set(frame["direction"]) == {"min"}


def test_it_reads_at_a_glance(studies: list[Ranked], capsys: pytest.CaptureFixture[str]) -> None:
    render_ranking(ranking(studies))
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split() == [
        "model",
        "pearson",
        "↑",
        "95%",
        "interval",
        "test",
        "95%",
        "interval",
    ]
    assert lines[1].startswith("lel-0 (lel)") and "0.8000 to 1.0000" in lines[1]
    assert lines[2].startswith("  ridge, baseline") and "nan" not in lines[2]


def test_an_interval_that_could_not_be_had_is_left_out(
    studies: list[Ranked], capsys: pytest.CaptureFixture[str]
) -> None:
    for study in studies:
        file = study.folder / "best" / "metrics.json"
        figures = json.loads(file.read_text())
        figures["intervals"] = {"validation": {"pearson": [None, None]}}
        file.write_text(json.dumps(figures))
    render_ranking(ranking(studies))
    said = capsys.readouterr().out
    assert " to " not in said and "nan" not in said and "0.9000" in said


def test_a_metric_that_is_not_there_is_named(studies: list[Ranked]) -> None:
    with pytest.raises(InputError, match=r"no such metric(.|\n)*pearson, rmse"):
        ranking(studies, "pearsn")


def test_other_data_are_refused(studies: list[Ranked], tmp_path: Path) -> None:
    other = winner(tmp_path / "mlp-1", 0.5, 0.5, data="other")
    with pytest.raises(InputError, match="different data") as caught:
        ranking([*studies, other])
    assert "mlp-1" in str(caught.value)


def test_a_study_without_a_winner_is_left_out_and_all_of_them_refused(
    studies: list[Ranked], tmp_path: Path
) -> None:
    bare = Ranked(tmp_path / "bare", studies[0].study, studies[0].stored)
    assert len(ranking([*studies, bare])) == 4
    with pytest.raises(InputError, match=r"no study has a trained winner(.|\n)*--resume"):
        ranking([bare])


def test_what_differs_in_how_they_were_validated_is_told(
    studies: list[Ranked], tmp_path: Path
) -> None:
    assert differences(studies) == []
    other = winner(tmp_path / "mlp-1", 0.5, 0.5, folds=3)
    (line,) = differences([*studies, other])
    assert "folds differ: folds 3, fold_seed 0 (mlp-1); folds 5, fold_seed 0 (lel-0, mlp-0)" in line


def test_the_rows_of_all_winners_are_drawn(studies: list[Ranked], tmp_path: Path) -> None:
    draw_rows(studies, "pearson", tmp_path / "rows.png")
    assert (tmp_path / "rows.png").read_bytes().startswith(b"\x89PNG")
    with pytest.raises(InputError, match=r"no such figure per row(.|\n)*pearson"):
        draw_rows(studies, "rmse", tmp_path / "rows.png")
    (studies[1].folder / "best" / "rows.csv").unlink()
    with pytest.raises(InputError, match="no figures per row"):
        draw_rows(studies, "pearson", tmp_path / "rows.png")
