"""Trainings over two hyperparameters."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml

from distrib.cli.roads.daart import ThreeFiles
from distrib.compare import main
from distrib.errors import InputError
from distrib.tracking.heat_map import heat_map


@pytest.fixture
def results(tmp_path: Path) -> Path:
    number = 0
    for weak in (0, 1):
        for pred in (0, 1, 5):
            for seed in (0, 1):
                version = tmp_path / f"multi-0/dtcn/test/version_{number}"
                version.mkdir(parents=True)
                values = {"lambda_weak": weak, "lambda_pred": pred, "rng_seed_train": seed}
                told = {**values, "training_completed": True, "best_val_epoch": 2}
                (version / "hparams.yaml").write_text(yaml.safe_dump(told))
                score = [0.1, 0.2 + 0.1 * weak + 0.01 * pred + 0.02 * seed, 0.9]
                rows = {"epoch": [1, 2, 3], "val_loss": [3.0, 1.0, 2.0], "val_f1_macro": score}
                pd.DataFrame(rows).to_csv(version / "metrics.csv", index=False)
                number += 1
    return tmp_path


def test_means_over_seeds_at_the_best_epoch(results: Path) -> None:
    table = heat_map(list(ThreeFiles().trainings(results)), ["lambda_weak", "lambda_pred"], None)
    assert table["metric"].unique().tolist() == ["val_f1_macro"]
    assert table["count"].tolist() == [2] * 6
    expected = [0.21 + 0.1 * w + 0.01 * p for w in (0, 1) for p in (0, 1, 5)]
    np.testing.assert_allclose(table["mean"], expected)
    np.testing.assert_allclose(table["sd"], np.std([0, 0.02], ddof=1))


def test_the_command_draws(results: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(results), "--by", "lambda_weak,lambda_pred", "--metric", "val_loss"]) == 0
    assert "mean over 12 trainings" in capsys.readouterr().out
    assert (results / "heat_map.png").stat().st_size > 1_000


@pytest.mark.parametrize("ending", ["pdf", "svg"])
def test_a_picture_is_what_its_name_says(results: Path, ending: str) -> None:
    path = results / f"map.{ending}"
    assert main([str(results), "--by", "lambda_weak", "--plot", str(path)]) == 0
    assert {"pdf": b"%PDF", "svg": b"<?xml"}[ending] == path.read_bytes()[: 5 - (ending == "pdf")]


def test_mistakes_are_named(results: Path) -> None:
    trainings = list(ThreeFiles().trainings(results))
    with pytest.raises(InputError, match=r"--by[\s\S]*'lambda_weak'"):
        heat_map(trainings, ["lambda_wek"], None)
    with pytest.raises(InputError, match=r"--metric[\s\S]*val_loss"):
        heat_map(trainings, ["lambda_weak"], "loss")
    with pytest.raises(InputError, match="no finished training"):
        heat_map([], ["lambda_weak"], None)
