"""What an older version left is read, applied and continued by this one, by its commands.

The studies of `tests/assets/studies` are never made again: see the README beside them.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import yaml

from tests.support.command import command as here
from tests.support.driver import trials_of
from tests.support.older_studies import (
    ANSWERS,
    ENDED,
    INTERRUPTED,
    STUDIES,
    answers,
    command,
    custom,
    unpack,
)
from tests.support.record_losses import deviations

RTOL, ATOL = 1e-5, 1e-9
"""Weights are read, nothing is trained: only the order in which sums are taken may differ."""

RENEWED = ("delta_pearson",)
"""Metrics of which there is another definition since, as CHANGELOG.md says."""

GOES_ON = ("stream", "trimming")


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A folder with the studies, their data and the user's family, as they were left."""
    return unpack(tmp_path / "place")


def finished(study: Path) -> dict[int, tuple[Any, ...]]:
    """Everything that the ledger knows of the trials that have ended, by number."""
    return {
        t.number: (t.state, t.value, t.params, t.intermediate_values, t.datetime_complete)
        for t in trials_of(study)
        if t.state.is_finished()
    }


@pytest.mark.parametrize("study", [*ENDED, INTERRUPTED])
def test_its_ledger_is_read_as_it_was(study: str) -> None:
    """Against the table that was written beside it."""
    table = pd.read_csv(STUDIES / study / "leaderboard.csv").set_index("trial")
    trials = trials_of(STUDIES / study)
    assert len(trials) == len(table) > 2
    assert {t.number: t.state.name for t in trials} == table["state"].to_dict()
    metric = yaml.safe_load((STUDIES / study / "study.yaml").read_text())["search"]["metric"]
    for trial in trials:
        if trial.state.name == "COMPLETE":
            assert trial.value == pytest.approx(table[metric][trial.number], rel=1e-12)


def test_they_are_compared_and_looked_at(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "120")
    names = sorted([*ENDED, INTERRUPTED])
    folders = [f"runs/{name}" for name in names]
    here(place, "compare", *folders, "--out", "leaderboard.csv")
    found = pd.read_csv(place / "leaderboard.csv")
    assert (found.pop("paused") == 0).all()  # which came later
    golden = pd.read_csv(STUDIES / "leaderboard.csv")
    pd.testing.assert_frame_equal(found, golden, check_exact=False, rtol=1e-12)
    for name, folder in zip(names, folders):
        said = here(place, "watch", folder)
        ended = golden.set_index("study").loc[name, ["complete", "pruned", "failed"]].sum()
        assert f"{ended}/{6 if name == INTERRUPTED else ended} trials" in said
        assert f"no driver runs this study now; its folder: {folder}" in said
        assert (f"--resume {folder}" in said) == (name == INTERRUPTED)


@pytest.mark.parametrize("study", ENDED)
def test_its_model_says_what_it_said(study: str, place: Path) -> None:
    golden = json.loads(ANSWERS.read_text(encoding="utf-8"))[study]
    run = command if custom(study) else here  # a user's module stays in the process it is read by
    found = answers(place, study, run)
    golden["evaluate"] = {k: v for k, v in golden["evaluate"].items() if k not in RENEWED}
    assert {*golden["evaluate"], *RENEWED} - {*found["evaluate"]} <= {*RENEWED}
    found["evaluate"] = {name: found["evaluate"][name] for name in golden["evaluate"]}
    far = [words for part, words in deviations(found, golden, RTOL, ATOL) if part > 1]
    assert not far, "\n".join(far)


@pytest.mark.ray
@pytest.mark.timeout(400)
def test_an_interrupted_study_goes_on(place: Path) -> None:
    study = place / "runs" / INTERRUPTED
    before = finished(study)
    (unfinished,) = [t.number for t in trials_of(study) if t.number not in before]
    trial = study / "trials" / f"{unfinished:04d}"
    rows = (trial / "metrics.csv").read_text().splitlines()
    assert list((trial / "checkpoint").iterdir())
    others = {
        path: path.read_bytes()
        for path in study.glob("trials/*/metrics.csv")
        if path.parent != trial
    }

    command(place, "tune", "--resume", f"runs/{INTERRUPTED}", "--concurrent", "1")

    after = finished(study)
    assert {number: after[number] for number in before} == before
    assert len(after) == len(trials_of(study)) == 6
    assert all(path.read_bytes() == content for path, content in others.items())
    now = (trial / "metrics.csv").read_text().splitlines()
    assert now[: len(rows)] == rows  # their times, too: no epoch was trained again
    assert [line.split(",")[0] for line in now[1:]] == [str(n) for n in range(1, len(now))]
    assert len(now) > len(rows)
    assert json.loads((study / "best" / "metrics.json").read_text())["test"]


@pytest.mark.ray
@pytest.mark.timeout(400)
@pytest.mark.parametrize("study", GOES_ON)
def test_an_ended_study_goes_further(study: str, place: Path) -> None:
    folder = place / "runs" / study
    before = finished(folder)
    words = ["--resume", f"runs/{study}", "--trials", str(len(before) + 1), "--concurrent", "1"]
    command(place, "tune", *words, *custom(study))
    after = finished(folder)
    assert {number: after[number] for number in before} == before
    assert len(after) == len(trials_of(folder)) == len(before) + 1
    assert json.loads((folder / "best" / "metrics.json").read_text())["test"]
