"""Winners and baselines of several studies, row by row: their order, differences, a picture."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from distrib.records import StudyRecord
from distrib.tracking.ranking import Ranked, draw_rows, pairs, ranking, render_ranking
from distrib.tracking.report.report import Sections, write_report
from distrib.tracking.row_figures import between, out_of_fold

METRICS: dict[str, Any] = {"pearson": "max", "rmse": "min"}
BASELINES = {
    "training mean": {"pearson": 0.5, "test/pearson": 0.4},
    "ridge": {"pearson": 0.3, "test/pearson": 0.45},
}
GAINS = {
    "validation": {
        "rows": 40, "groups": 40, "tried": 3,
        "metrics": {"pearson": {"training mean": [0.1, 0.05, 0.15], "ridge": [0.3, 0.2, 0.4]}},
    },
    "test": {
        "rows": 20, "groups": 20, "tried": 1,
        "metrics": {"pearson": {"training mean": [0.03, 0.01, 0.05],
                                "ridge": [-0.02, -0.05, 0.01]}},
    },
}  # fmt: skip


def study(folder: Path, ahead: float, rows: int = 20, seed: int = 0) -> Ranked:
    """One whose winner is `ahead` of a common level in every row, and errs with all others."""
    best = folder / "best"
    best.mkdir(parents=True)
    figures = {
        "trial": 0,
        "validation": {"pearson": 0.6},
        "test": {"pearson": 0.43},
        "intervals": {"validation": {"pearson": [0.5, 0.7]}},
        "baselines": BASELINES,
        "baseline_intervals": {"ridge": {"validation": {"pearson": [0.2, 0.4]}}},
        "gains": GAINS,
    }
    (best / "metrics.json").write_text(json.dumps(figures))
    tables = []
    for part, count in (("test", rows), ("validation", 40)):
        level = np.random.default_rng(7).normal(0.4, 0.3, count)
        own = level + ahead + 0.01 * np.random.default_rng(seed).normal(size=count)
        for model, values in (("winner", own), ("training mean", level), ("ridge", level - 0.2)):
            tables.append(
                pd.DataFrame(
                    {"part": part, "model": model, "id": [f"{part}{i}" for i in range(count)],
                     "group": np.arange(count), "pearson": values}
                )
            )  # fmt: skip
    frame = pd.concat(tables, ignore_index=True)
    frame.to_parquet(best / "compared.parquet")
    own_rows = frame[(frame["part"] == "validation") & (frame["model"] == "winner")]
    own_rows[["id", "pearson"]].to_csv(best / "rows.csv", index=False)
    record = StudyRecord(folder.name, "lel", "pearson", "max", "fold", 5, 1, metrics=METRICS)
    return Ranked(folder, record, {"data": {"fingerprint": "x", "source": {}}, "options": {}})


@pytest.fixture
def studies(tmp_path: Path) -> list[Ranked]:
    return [study(tmp_path / "far", 0.1), study(tmp_path / "near", 0.05, seed=1)]


def test_winners_are_told_apart_where_they_err_together(studies: list[Ranked]) -> None:
    """Each has a spread of 0.3 over rows; their difference has one of 0.014."""
    test, validation = pairs(studies, "pearson")
    assert test.startswith("test (n = 20), pearson: far (lel) over near (lel) 0.04")
    assert test.endswith(": better")
    assert validation.endswith("both were selected on these rows, no claim")


def test_other_rows_are_not_compared(tmp_path: Path) -> None:
    folders = {"a": tmp_path / "a", "b": tmp_path / "b"}
    study(folders["a"], 0.1)
    study(folders["b"], 0.1, rows=19)
    assert [line[:10] for line in between(folders, "pearson", "max")] == ["validation"]
    assert between(folders, "auroc", "max") == []


def test_few_rows_have_no_interval(tmp_path: Path) -> None:
    folders = {name: tmp_path / name for name in "ab"}
    for seed, folder in enumerate(folders.values()):
        study(folder, 0.1, rows=6, seed=seed)
    assert between(folders, "pearson", "max")[0].endswith("too few rows for an interval")


@pytest.mark.parametrize(("direction", "first"), [("max", "far"), ("min", "ridge")])
def test_columns_are_ordered_by_their_mean(
    studies: list[Ranked], direction: Any, first: str
) -> None:
    columns = out_of_fold({s.study.name: s.folder for s in studies}, "pearson", direction)
    order = ["far", "near", "training mean", "ridge"]
    assert [c.name for c in columns] == (order if direction == "max" else order[::-1])
    assert columns[0].name == first
    assert [c.baseline for c in columns].count(True) == 2
    assert all(len(c.values) == 40 for c in columns)


@pytest.mark.parametrize("suffix", [".png", ".svg"])
def test_the_picture_is_drawn(studies: list[Ranked], tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"rows{suffix}"
    draw_rows(studies, "pearson", path)
    content = path.read_bytes()
    assert content.startswith(b"\x89PNG" if suffix == ".png" else b"<?xml")


def test_the_table_says_n_the_gain_and_what_turned(
    studies: list[Ranked], capsys: pytest.CaptureFixture[str]
) -> None:
    frame = ranking(studies)
    render_ranking(frame)
    lines = capsys.readouterr().out.splitlines()
    assert "pearson ↑, n = 40" in lines[0] and "test, n = 20" in lines[0]
    assert lines[1].startswith("far (lel) *") and "-0.0200 (ridge, test)" in lines[1]
    assert lines[1].endswith("not told apart")
    (ridge,) = (line for line in lines if "ridge, baseline" in line)
    assert "0.2000 to 0.4000" in ridge
    assert lines[-1].startswith("* near (lel) is ahead of ridge on validation data")
    assert lines[-1].endswith("data, but not told apart there: which is better is open")
    turned = frame.loc[frame["kind"] == "model", "turned"].tolist()
    assert len(turned) == 2 and set(turned) == {lines[-1].removeprefix("* near (lel) is ")}
    assert frame["claim_on"].dropna().unique().tolist() == ["test"]


def test_the_report_has_the_claim_first_and_the_pictures(studies: list[Ranked]) -> None:
    from distrib.records import TrialRecord

    ranked = studies[0]
    record = ranked.study
    record.trials[0] = TrialRecord(0, state="COMPLETE", value=0.6, best_fidelity=5)
    draw_rows(studies, "pearson", ranked.folder / "best" / "rows_drawn.png")
    figures = json.loads((ranked.folder / "best" / "metrics.json").read_text())
    path = write_report(
        ranked.folder, record, Sections(winner=figures, baselines=figures["baselines"])
    )
    page = path.read_text()
    start = page.index("<h2>Winner</h2>")
    assert page[start:].startswith("<h2>Winner</h2>\n<p><b>test (n = 20): pearson 0.4300 is 0.0200")
    assert page[start : page.index("</section>", start)].count("<b>") == 1
    assert 'src="data:image/png;base64,' in page and "rows drawn" in page
    assert "n = 40" in page and "a claim about new data" in page
    assert "0.2000 to 0.4000" in page  # the baseline's interval
    assert page.index("behind on test data, but not told apart") > start
