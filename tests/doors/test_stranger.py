"""The README's commands, one after the other, as somebody who has just installed the package."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
import yaml

from distrib.study.checkpoint import read_state
from tests.driver import ROOT, write_space

pytestmark = [pytest.mark.cluster, pytest.mark.slow, pytest.mark.timeout(600)]


def door(folder: Path, verb: str, *words: str, code: int = 0) -> str:
    """Go through a door in `folder`; what it printed."""
    done = subprocess.run(
        [sys.executable, "-m", f"distrib.{verb}", *words],
        cwd=folder,
        env={"PYTHONPATH": str(ROOT), "PATH": "/usr/bin:/bin", "HOME": str(folder)},
        capture_output=True,
        text=True,
        timeout=500,
        check=False,
    )
    assert done.returncode == code, done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the default mlp study in it, whole, on all rows but the test part."""
    home = tmp_path_factory.mktemp("home")
    door(home, "tune", "--space", "mlp")
    return home


def test_the_default_study_beats_the_baselines(home: Path) -> None:
    """With 15% of the groups set aside: 0.03 above ridge out of fold, above it on the test part."""
    found = json.loads((home / "runs" / "mlp-0" / "best" / "metrics.json").read_text())
    ridge = found["baselines"]["ridge"]
    assert found["validation"]["pearson"] >= ridge["pearson"] + 0.03
    assert found["test"]["pearson"] > ridge["test/pearson"]
    assert found["test"]["pearson"] > found["baselines"]["training mean"]["test/pearson"]


def test_everything_is_where_the_design_says(home: Path) -> None:
    study = home / "runs" / "mlp-0"
    for name in (
        "study.yaml",
        "ledger.journal",
        "trials.parquet",
        "epochs.parquet",
        "leaderboard.csv",
        "report.html",
        "best/config.yaml",
        "best/weights.safetensors",
        "best/metrics.json",
        "best/README.md",
    ):
        assert (study / name).stat().st_size > 0, name
    trials = pd.read_parquet(study / "trials.parquet")
    assert len(trials) == 60
    assert set(trials["state"]) <= {"COMPLETE", "PRUNED", "FAIL"}
    for number in trials.loc[trials["state"] == "COMPLETE", "trial"]:
        folder = study / "trials" / f"{number:04d}"
        for name in (
            "config.yaml",
            "metrics.csv",
            "console.log",
            "train_curves.png",
            "val_curves.png",
        ):
            assert (folder / name).exists(), f"{number}: {name}"
    kept = list(study.glob("trials/*/checkpoint/state-*.safetensors"))
    assert len({path.parent for path in kept}) <= 3
    epochs = pd.read_parquet(study / "epochs.parquet")
    assert epochs.groupby("trial")["epoch"].max().to_dict() == dict(
        zip(trials["trial"], trials["last_epoch"])
    )
    assert not [p for p in study.rglob("*") if p.name.startswith(".") and p.name != ".lock"]


def test_the_winner_predicts_judges_and_trains_again(home: Path) -> None:
    door(home, "prepare", "example", "--space", "mlp", "--out", "my_screen")
    best = "runs/mlp-0/best"
    printed = door(home, "evaluate", best, "--data", "my_screen", "--out", "rows.csv")
    assert "pearson" in printed
    door(home, "predict", best, "--data", "my_screen", "--out", "predictions.parquet")
    frame = pd.read_parquet(home / "predictions.parquet")
    assert len(frame) == len(pd.read_csv(home / "rows.csv")) == 120
    door(
        home,
        "train",
        "--config",
        best,
        "--data",
        "my_screen",
        "--max-epochs",
        "5",
        "--name",
        "again",
    )
    again = yaml.safe_load((home / "runs" / "again" / "best" / "config.yaml").read_text())
    before = yaml.safe_load((home / best / "config.yaml").read_text())
    assert {k: v for k, v in again["config"].items() if k != "epochs"} == {
        k: v for k, v in before["config"].items() if k != "epochs"
    }
    assert again["source"]["path"] == "my_screen"


def test_onlookers_find_the_study(home: Path) -> None:
    assert "mlp-0" in door(home, "compare", "runs/mlp-0")
    assert "60" in door(home, "watch", "runs/mlp-0", "--once")
    assert "CPUs" in door(home, "doctor")


def test_a_study_lies_at_a_url_and_goes_on_from_it(home: Path) -> None:
    write_space(home / "toy.yaml", {"pause": 0}, trials=2)
    store = f"file://{home}/store"
    own = ["--space", "toy.yaml", "--allow-custom", "--name", "mine"]
    door(home, "tune", *own, "--out", store)
    assert (home / "store" / "mine" / "best" / "metrics.json").exists()
    door(home, "tune", "--resume", f"{store}/mine", "--allow-custom", "--trials", "4")
    assert len(pd.read_parquet(home / "store" / "mine" / "trials.parquet")) == 4


def test_trimming_is_tuned_on_all_its_rows_as_well(home: Path) -> None:
    door(home, "tune", "--space", "trimming", "--test-fraction", "0", "--trials", "8")
    best = home / "runs" / "trimming-0" / "best"
    found = json.loads((best / "metrics.json").read_text())
    assert found["validation"]["log_loss"] < found["baselines"]["mean profile"]["log_loss"] - 0.1
    assert found["test"] == {}
    assert read_state(best / "weights.safetensors").arrays
    door(home, "predict", "runs/trimming-0/best", "--out", "trims.csv")
    frame = pd.read_csv(home / "trims.csv")
    assert frame.groupby("gene")["predicted_prob"].sum().round(9).eq(1).all()
