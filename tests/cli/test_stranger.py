"""The README's commands, one after the other, as somebody who has just installed the package."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

from tests.support.driver import ROOT

pytestmark = [pytest.mark.exhaustive, pytest.mark.timeout(600)]


def command(folder: Path, verb: str, *words: str, code: int = 0) -> str:
    """Go through a command in `folder`; what it printed."""
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
    command(home, "tune", "--space", "mlp")
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


def test_the_winner_predicts_and_judges(home: Path) -> None:
    command(home, "prepare", "example", "--space", "mlp", "--out", "my_screen")
    best = "runs/mlp-0/best"
    printed = command(home, "evaluate", best, "--data", "my_screen", "--out", "rows.csv")
    assert "pearson" in printed
    command(home, "predict", best, "--data", "my_screen", "--out", "predictions.parquet")
    frame = pd.read_parquet(home / "predictions.parquet")
    assert len(frame) == len(pd.read_csv(home / "rows.csv")) == 120


def test_other_commands_find_the_study(home: Path) -> None:
    assert "mlp-0" in command(home, "compare", "runs/mlp-0", "my_screen")
    assert "60" in command(home, "watch", "runs/mlp-0", "--once")
    assert "CPUs" in command(home, "doctor")
