"""A search from Python, what its study tells, and how it goes on."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import yaml

import distrib
from distrib.study.driver.study_file import read_study
from distrib.study.record.remote_store import RemoteStore
from tests.support.driver import ROOT, SPACE

pytestmark = pytest.mark.ray

SCRIPT = """
import distrib
study = distrib.search("toys.yaml", trials=3, seed=2, allow_custom=True, name="script")
print("best", study.best.trial, study.best.metric, study.model.name)
"""


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("api")


@pytest.fixture(scope="module")
def study(place: Path, one_ray: None) -> distrib.Study:
    return distrib.search(
        SPACE,
        trials=4,
        seed=3,
        set={"noise": 0.01},
        max_epochs=5,
        out=place / "runs",
        name="toy",
        allow_custom=True,
        progress=False,
    )


def test_the_winner_and_the_tables(study: distrib.Study) -> None:
    best, record = study.best, study.record
    first = study.leaderboard.iloc[0]
    assert (best.trial, best.value) == (first["trial"], first[best.metric])
    assert best.metric == record.metric
    assert set(best.params) == {"height", "rate"}
    assert best.config["noise"] == 0.01
    assert best.config["height"] == best.params["height"]
    assert best.validation[best.metric] == pytest.approx(best.value)
    assert best.test and "test/" + best.metric not in best.test
    assert list(study.trials["trial"]) == [0, 1, 2, 3]
    rows = study.epochs.groupby("trial").size()
    assert list(rows) == list(study.trials.set_index("trial")["last_epoch"])


def test_its_report_and_its_looks_in_a_notebook(study: distrib.Study) -> None:
    assert Path(study.report).name == "report.html"
    shown = study.report._repr_html_()
    assert shown.startswith('<iframe srcdoc="&lt;!doctype html&gt;')
    assert shown.count("<") == 2  # the page is in the attribute, all of it
    assert "<table" in study._repr_html_()
    assert repr(study).endswith("runs/toy')")


def test_its_record_says_how_it_was_begun(study: distrib.Study) -> None:
    command = read_study(study.folder / "study.yaml")["command"]
    assert command.startswith("distrib.search({'trainable': 'tests.families.toys:Curve'")
    assert "trials=4" in command
    assert "out" not in study.model.load().describe()


def test_its_model_predicts(study: distrib.Study) -> None:
    model = study.model
    data = model.load()
    assert isinstance(model.predict(data), pd.DataFrame)
    assert set(study.record.metrics) <= set(model.evaluate(data))
    same = distrib.open_study(study.folder, allow_custom=True).model
    assert same.config == model.config


def test_threads_of_this_process_stay(study: distrib.Study, monkeypatch: Any) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "7")
    monkeypatch.delenv("NPROC", raising=False)
    study.resume(progress=False)
    assert os.environ["OMP_NUM_THREADS"] == "7"
    assert "NPROC" not in os.environ


def test_it_goes_on(study: distrib.Study, capsys: pytest.CaptureFixture[str]) -> None:
    before = study.trials.set_index("trial").loc[[0, 1, 2, 3]]
    assert study.resume(trials=6) is study
    assert len(study.trials) == 6
    pd.testing.assert_frame_equal(study.trials.set_index("trial").loc[[0, 1, 2, 3]], before)
    assert "6/6, trial" in capsys.readouterr().out
    with pytest.raises(distrib.InputError, match="fewer trials than the study was begun with"):
        study.resume(trials=2)
    kept = distrib.open_study("toy", out=study.folder.parent)
    assert kept.folder == study.folder == distrib.open_study("last", out=kept.folder.parent).folder


def test_a_study_that_begins_with_another_and_without_a_winner(
    study: distrib.Study, place: Path
) -> None:
    failing = {**SPACE, "parameters": {**SPACE["parameters"], "epochs": 2}}
    second = distrib.search(
        failing,
        trials=1,
        warm_start=study,
        out=place / "runs",
        allow_custom=True,
        progress=False,
    )
    assert second.folder.name == "curve-0"
    assert second.best.params["height"] == pytest.approx(study.best.params["height"])
    (second.folder / "report.html").unlink()
    with pytest.raises(distrib.InputError, match="there is no report yet"):
        _ = second.report
    (second.folder / "best" / "config.yaml").unlink()
    with pytest.raises(distrib.InputError, match="no winner was trained"):
        _ = second.model


def test_an_interrupted_search_says_how_to_go_on(
    place: Path, one_ray: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    from distrib.study.driver import study_runner

    def interrupted(self: Any, *args: Any) -> None:
        self.outcome.interrupted = True

    monkeypatch.setattr(study_runner.StudyRunner, "search", interrupted)
    monkeypatch.chdir(place)
    with pytest.raises(KeyboardInterrupt, match=r"distrib.open_study\('runs/off'\).resume\(\)"):
        distrib.search(SPACE, trials=2, name="off", allow_custom=True, progress=False)
    monkeypatch.undo()
    left = distrib.open_study(place / "runs" / "off", allow_custom=True)
    with pytest.raises(distrib.InputError, match="no trial has succeeded"):
        _ = left.best
    assert len(left.resume(progress=False).trials) == 2


def test_a_study_at_a_url(place: Path, one_ray: None) -> None:
    out = f"file://{place}/store"
    study = distrib.search(SPACE, trials=1, out=out, allow_custom=True, progress=False)
    assert study.url == f"{out}/curve-0"
    assert study.best.trial == 0
    again = distrib.open_study(study.url, allow_custom=True)
    assert again.best == study.best
    assert again.folder != study.folder
    assert len(again.resume(trials=2, progress=False).trials) == 2
    assert len(distrib.open_study(study.url).trials) == 2


def test_watching_a_study_at_a_url(
    place: Path,
    one_ray: None,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A copy is read; whether a driver runs it is what the driver has said there."""
    import distrib.watch

    out = f"file://{place}/watched"
    url = distrib.search(SPACE, trials=1, out=out, allow_custom=True, progress=False).url
    capsys.readouterr()
    copies: list[str] = []
    pull = RemoteStore.pull

    def counted(store: RemoteStore, *, hold: bool = True) -> None:
        copies.append(store.url)
        pull(store, hold=hold)

    monkeypatch.setattr(RemoteStore, "pull", counted)
    assert distrib.watch.main([str(url), "--once"]) == 0
    assert copies == [url]
    said = capsys.readouterr().out
    assert "1/1" in said
    assert f"no driver runs this study now; its folder: {url}" in said
    assert distrib.watch.main([f"{out}/none", "--once"]) == 2
    assert "there is no study here" in capsys.readouterr().err


def test_a_script_needs_no_main(place: Path) -> None:
    (place / "toys.yaml").write_text(yaml.safe_dump(SPACE))
    (place / "script.py").write_text(SCRIPT)
    done = subprocess.run(
        [sys.executable, "script.py"],
        cwd=place,
        capture_output=True,
        text=True,
        timeout=120,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1].endswith("score tests.families.toys:Curve")
    assert "3/3, trial" in done.stdout
    assert done.stderr == ""
