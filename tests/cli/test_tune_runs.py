"""What `distrib.tune` leaves behind when all goes well."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest
import yaml

from distrib.data.screens.example_screen import write_example
from distrib.study.driver.model import open_model
from distrib.study.record.checkpoint import read_state
from distrib.study.record.remote_store import fetch
from tests.support.command import command
from tests.support.driver import ROOT, trials_of, write_space
from tests.support.example_page import shown_space
from tests.support.s3 import SETTINGS, make_bucket, s3_server

pytestmark = [pytest.mark.ray, pytest.mark.timeout(300)]


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("place")
    write_space(folder / "toy.yaml", {"pause": 0}, trials=12)
    return folder


@pytest.fixture
def tune(one_ray: None, place: Path) -> Callable[..., str]:
    """Go through the command to a good end; what it said."""
    return lambda *words: command(place, "tune", "--allow-custom", *words)


def test_a_dry_run_leaves_nothing(tune: Callable[..., str], place: Path) -> None:
    before = list(place.iterdir())
    said = tune("--space", "toy.yaml", "--dry-run", "--test-fraction", "0.2")
    for words in (
        "2 dimensions searched",
        "configuration 4: height=",
        "data: 16 rows to search on, 4 set aside",
        "one epoch of configuration 0",
        "estimate: 2 trials at a time",
    ):
        assert words in said
    assert list(place.iterdir()) == before


def test_a_dry_run_has_the_workers_of_the_run(tune: Callable[..., str], place: Path) -> None:
    """As few as the data allow."""
    write_space(place / "pair.yaml", {"pause": 0}, trainable="tests.families.toys:Pair")
    said = tune("--space", "pair.yaml", "--dry-run", "--workers-per-trial", "1:4")
    assert "note: at most 2 workers train together on these data" in said


WITNESS = """
import sys
from distrib.tune import main
code = main(sys.argv[1:])
print("in the driver:", *sorted({"torch", "jax", "sklearn"} & set(sys.modules)))
sys.exit(code)
"""


@pytest.fixture(scope="module")
def torch_study(place: Path) -> Path:
    """A study of a torch model, with what its driver had imported in `witness`.

    Of four trials, so that its report compares the parameters.
    """
    (place / "screen").mkdir()
    write_example(place / "screen")
    words = [
        "--space",
        "mlp",
        "--data",
        str(place / "screen"),
        "--trials",
        "4",
        "--max-epochs",
        "2",
    ]
    words += ["--seed", "7", "--scheduler", "none"]
    done = subprocess.run(
        [sys.executable, "-c", WITNESS, *words],
        cwd=place,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    (place / "witness").write_text(done.stdout.splitlines()[-1].strip())
    return place / "runs" / "mlp-0"


def test_a_study_of_a_torch_model_keeps_torch_out_of_its_driver(
    torch_study: Path, place: Path
) -> None:
    assert (place / "witness").read_text() == "in the driver:"


@pytest.mark.usefixtures("one_ray")
def test_a_winner_alone_is_judged_on_the_same_rows(torch_study: Path, place: Path) -> None:
    best = str(torch_study / "best")
    command(place, "train", "--config", best, "--name", "alone")
    found, alone = (
        json.loads((study / "best" / "metrics.json").read_text())
        for study in (torch_study, place / "runs" / "alone")
    )
    assert alone["test"] == found["test"]
    assert alone["baselines"] == found["baselines"]
    assert "distrib.train --config" in (place / "runs" / "alone" / "report.html").read_text()


def test_winner_confirmation_and_warm_start(tune: Callable[..., str], place: Path) -> None:
    said = tune("--space", "toy.yaml", "--seed", "3", "--name", "first", "--confirm", "2")
    study = place / "runs" / "first"
    trials = trials_of(study)
    complete = [t for t in trials if t.state.name == "COMPLETE"]
    metrics = json.loads((study / "best" / "metrics.json").read_text())
    ranked = sorted(complete, key=lambda t: -t.value)
    assert metrics["trial"] in [t.number for t in ranked[:2]]
    winner = trials[metrics["trial"]]
    assert metrics["validation"]["score"] == winner.value
    assert metrics["epoch"] == max(
        winner.intermediate_values, key=winner.intermediate_values.__getitem__
    )
    confirmed = metrics["confirmed"]
    assert {int(number) for number in confirmed} == {t.number for t in ranked[:2]}
    assert all(found["seeds"] == 3 and found["sd"] > 0 for found in confirmed.values())
    assert max(confirmed, key=lambda n: confirmed[n]["mean"]) == str(metrics["trial"])
    assert said.count("over 3 fresh seeds") == 2
    assert metrics["baselines"] == {"zero": {"score": 0.0, "loss": 1.0}}
    assert set(metrics["test"]) == {"score", "loss"}
    config = yaml.safe_load((study / "best" / "config.yaml").read_text())["config"]
    assert {k: config[k] for k in winner.params} == winner.params
    model = open_model(study, allow_custom=True)
    assert len(model.predict(model.load())) == 20
    assert len(list(study.glob("trials/*/checkpoint"))) <= 3
    assert "runs/first" in said
    stored = yaml.safe_load((study / "study.yaml").read_text())
    assert stored["data"]["search_rows"] + stored["data"]["test_rows"] == 20
    assert stored["data"]["test_rows"] > 0

    tune("--space", "toy.yaml", "--warm-start", "first", "--name", "second", "--trials", "4")
    second = trials_of(place / "runs" / "second")
    assert second[0].params == ranked[0].params
    assert len(second) == 4


def test_a_time_budget(tune: Callable[..., str], place: Path) -> None:
    said = tune(
        *("--space", "toy.yaml", "--name", "short", "--time-budget", "3s"),
        *("--trials", "100000", "--set", "pause=0.01", "--sampler", "random"),
    )
    trials = trials_of(place / "runs" / "short")
    assert 0 < len(trials) < 100000
    cut = [t.number for t in trials if not t.state.is_finished()]
    assert len(cut) <= 2
    assert f"ended the search after {len(trials) - len(cut)} of 100000 trials" in said
    assert "--resume runs/short" in said
    assert "winner: trial" in said


def test_a_study_lies_at_a_url_and_goes_on_from_it(tune: Callable[..., str], place: Path) -> None:
    store = f"file://{place}/store"
    tune("--space", "toy.yaml", "--trials", "2", "--name", "mine", "--out", store)
    assert (place / "store" / "mine" / "best" / "metrics.json").exists()
    tune("--resume", f"{store}/mine", "--trials", "4")
    assert len(pd.read_parquet(place / "store" / "mine" / "trials.parquet")) == 4


def test_a_study_lies_in_s3_and_goes_on_from_it(
    tune: Callable[..., str], place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with s3_server() as endpoint:
        for name, value in {**SETTINGS, "AWS_ENDPOINT_URL": endpoint}.items():
            monkeypatch.setenv(name, value)
        make_bucket(endpoint, "lab")
        tune("--space", "toy.yaml", "--trials", "2", "--name", "mine", "--out", "s3://lab/runs")
        said = tune("--resume", "s3://lab/runs/mine", "--trials", "4")
        assert "s3://lab/runs/mine/report.html" in said
        copy = fetch("s3://lab/runs/mine")
        assert len(pd.read_parquet(copy / "trials.parquet")) == 4
        assert (copy / "best" / "metrics.json").exists()


@pytest.mark.usefixtures("one_ray")
def test_trimming_is_tuned_on_all_its_rows_as_well(place: Path) -> None:
    command(place, "tune", "--space", "trimming", "--test-fraction", "0", "--trials", "4")
    best = place / "runs" / "trimming-0" / "best"
    found = json.loads((best / "metrics.json").read_text())
    assert found["validation"]["log_loss"] < found["baselines"]["mean profile"]["log_loss"] - 0.05
    assert found["test"] == {}
    assert read_state(best / "weights.safetensors").arrays
    command(place, "predict", "runs/trimming-0/best", "--out", "trims.csv")
    frame = pd.read_csv(place / "trims.csv")
    assert frame.groupby("gene")["predicted_prob"].sum().round(9).eq(1).all()


def test_the_family_to_copy(tune: Callable[..., str], place: Path) -> None:
    """A study of it as its page says, on the default data."""
    (place / "ridge.yaml").write_text(yaml.safe_dump(shown_space()))
    tune("--space", "ridge.yaml", "--trials", "6", "--name", "ridge")
    figures = json.loads((place / "runs" / "ridge" / "best" / "metrics.json").read_text("utf-8"))
    assert figures["test"]["rmse"] < figures["baselines"]["training mean"]["test/rmse"]
    assert len(pd.read_csv(place / "runs" / "ridge" / "leaderboard.csv")) == 6
    command(place, "predict", "runs/ridge/best", "--allow-custom", "--out", "ridge.parquet")
    assert pd.read_parquet(place / "ridge.parquet").shape == (849, 18)
