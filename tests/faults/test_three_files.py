"""A study of daart's three files that loses a trial's process, is interrupted, and goes on."""

from __future__ import annotations

import os
import signal
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import yaml

from distrib.trial_files import read_metrics
from tests.support.behaviour_files import session
from tests.support.daart_files import write_files
from tests.support.driver import Driver, ended_trials, trials_of

pytestmark = [pytest.mark.exhaustive, pytest.mark.timeout(600)]

EPOCHS = 60
NAMES = ("ray::ResourceTrainable", "ray::TrialActor")


def trial_process(driver: Driver) -> int:
    """The id of the one process in which trials run, whatever it does at the moment."""
    found: list[str] = []

    def there() -> bool:
        found[:] = [line for line in driver.running() if any(name in line for name in NAMES)]
        return len(found) == 1

    driver.until(there)
    return int(found[0].split()[0])


def test_one_worker_killed_and_the_search_completes(start: Any, tmp_path: Path) -> None:
    """Every version is written once, whatever befell its trial, and what is left is resumed."""
    session(tmp_path / "data", "s0", 1_000)
    paths = write_files(
        tmp_path,
        data={"expt_ids": ["s0"]},
        model={"n_hid_layers": [1, 2, 3], "n_hid_units": 4, "n_lags": 1},
        train={
            "sequence_length": 50,
            "max_epochs": EPOCHS,
            "enable_early_stop": False,
            "tt_n_cpu_workers": 1,
        },
    )
    words = [word for option, path in paths.items() for word in (f"--{option}", str(path))]
    study = tmp_path / "results/studies/test-0"

    def rows() -> int:
        return len(read_metrics(study / "trials/0000/metrics.csv"))

    first = start(*words, "--checkpoint-every", "0.2")
    first.until(lambda: rows() >= 3)
    os.kill(trial_process(first), signal.SIGKILL)
    first.until(lambda: ended_trials(study) >= 1)
    assert rows() == EPOCHS
    first.until(lambda: len(read_metrics(study / "trials/0001/metrics.csv")) >= 3)
    first.interrupt()
    assert first.wait() == 130, first.said()
    assert "python -m distrib.tune --resume" in first.said()

    second = start("--resume", str(study))
    assert second.wait() == 0, second.said()
    trials = trials_of(study)
    assert [t.state.name for t in trials] == ["COMPLETE"] * 3
    assert sum(t.user_attrs.get("retries", 0) for t in trials) == 1
    versions = [tmp_path / f"results/s0/dtcn/test/version_{n}" for n in range(3)]
    assert sorted(versions[0].parent.iterdir()) == versions
    for layers, version in enumerate(versions, 1):
        hparams = yaml.safe_load((version / "hparams.yaml").read_text())
        assert hparams["training_completed"] is True
        assert hparams["n_hid_layers"] == layers
        assert np.load(version / "s0_states.npy").shape == (1_000, 4)
        weights = torch.load(version / "best_val_model.pt", weights_only=True)
        parts = {name.partition(".")[0] for name in weights}
        assert parts == {"backbone", "classifier", "classifier_weak", "predictor"}
        assert str(version) in second.said()

    third = start(*words)
    assert third.wait() == 0
    assert "3 of 3 were trained already" in third.said()
