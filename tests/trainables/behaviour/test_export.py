"""What a trial leaves behind in daart's layout: names, columns and shapes."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
import yaml

from distrib.data.behaviour.simulate import simulate
from distrib.study.record.checkpoint import Checkpoints
from distrib.study.record.metrics_file import MetricsFile
from distrib.study.worker.reports import Pace
from distrib.study.worker.trial import run_trial
from distrib.trainables.base import Worker
from distrib.trainables.behaviour.daart.export import main
from distrib.trainables.behaviour.segmenter.family import Segmenter
from tests.support.behaviour_files import labels_csv

FRAMES, CLASSES = 1_550, 6


@pytest.fixture(scope="module")
def version(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished trial of two sessions, written."""
    folder = tmp_path_factory.mktemp("daart")
    for number, name in enumerate(("s0", "s1")):
        raw, truth, _, weak = simulate(FRAMES, 4, 0, number)
        (folder / "features").mkdir(exist_ok=True)
        np.save(folder / f"features/{name}.npy", raw)
        hand = np.where(np.arange(FRAMES) % 100 < 50, truth, 0)
        classes = [f"c{k}" for k in range(CLASSES)]
        labels_csv(folder / f"labels-hand/{name}.csv", hand.tolist(), classes)
        labels_csv(folder / f"labels-heuristic/{name}.csv", weak.tolist(), classes)
    (folder / "new").mkdir()
    np.save(folder / "new/later.npy", simulate(330, 4, 0, 7)[0])
    family, trial = Segmenter(), folder / "trials/0000"
    config = family.Config(
        epochs=3,
        n_hid_units=8,
        n_lags=2,
        sequence_length=100,
        batch_size=4,
        trial_splits="5;1;1;0",
        learning_rate=1e-2,
        keep_tail=False,
    )
    source = {"path": str(folder), "input_type": "features"}
    data = family.load(family.Source(**source))
    family.check(config, data)
    trial.mkdir(parents=True)
    (trial / "console.log").write_text("hello\n")
    metrics = MetricsFile(trial / "metrics.csv")
    kept = Checkpoints(trial / "checkpoint")
    for message in run_trial(family, config, data, Worker(), kept, Pace(), "loss"):
        assert message.failure is None
        metrics.append(message.rows)
    version = folder / "version_0"
    version.mkdir()
    order = {
        "trial": str(trial),
        "version": str(version),
        "family": "segmenter",
        "values": {"backbone": "dtcn", "lambda_weak": 1, "save_last_model": True},
        "config": config.model_dump(mode="json"),
        "source": source,
        "eval_dir": str(folder / "new"),
        "hash": "abc",
        "state": "COMPLETE",
    }
    main([json.dumps(order)])
    assert not (version / "export_error.txt").exists()
    (folder / "order.json").write_text(json.dumps(order))
    return version


def test_the_files(version: Path) -> None:
    assert {path.name for path in version.iterdir()} == {
        "best_val_model.pt",
        "last_model.pt",
        "hparams.yaml",
        "metrics.csv",
        "console.log",
        "s0_states.npy",
        "s1_states.npy",
        "later_states.npy",
        "train_curves.png",
        "val_curves.png",
    }


def test_states_are_probabilities_of_whole_sequences(version: Path) -> None:
    for name, frames in (("s0", 1_500), ("s1", 1_500), ("later", 300)):
        states = np.load(version / f"{name}_states.npy")
        assert states.shape == (frames, CLASSES)
        assert states.dtype == np.float32
        np.testing.assert_allclose(states.sum(axis=1), 1, atol=1e-5)


def test_weights_are_tensors_alone_and_give_the_states(version: Path) -> None:
    weights = torch.load(version / "best_val_model.pt", weights_only=True)
    hparams = yaml.safe_load((version / "hparams.yaml").read_text())
    family = Segmenter()
    config = family.Config(n_hid_units=8, n_lags=2)
    names = {"signals": ["a"] * 4, "classes": ["c"] * CLASSES, "tasks": []}
    network = family.build(config, names).eval()
    network.load_state_dict(weights)
    raw = np.load(version.parent / "features/s0.npy")
    scale = hparams["normalisation"]["s0"]
    signals = ((raw - scale["mean"]) / scale["std"]).astype(np.float32)[: 100 + 12]
    padded = np.pad(signals, ((12, 0), (0, 0)))
    found = network(torch.from_numpy(padded)[None])["strong"].softmax(-1)[0]
    states = np.load(version / "s0_states.npy")[:100]
    np.testing.assert_allclose(found.detach().numpy(), states, atol=1e-5)


def test_metrics_have_the_columns(version: Path) -> None:
    table = pd.read_csv(version / "metrics.csv")
    first = ["epoch", "batch", "trial", "tr_loss", "tr_loss_weak", "tr_loss_strong", "tr_loss_pred"]
    assert list(table.columns[: len(first)]) == first
    for column in ("dataset", "best_val_epoch", "val_loss", "val_fc", "val_f1_macro", "test_loss"):
        assert column in table
    assert table["tr_loss"].count() == table["val_loss"].count() == 3
    tests = table.dropna(subset=["test_loss"])
    assert set(tests["dataset"]) == {0, 1}
    assert (tests["trial"] >= 0).all()


def test_hparams_are_as_requested_and_say_what_is_what(version: Path) -> None:
    hparams = yaml.safe_load((version / "hparams.yaml").read_text())
    assert hparams["lambda_weak"] == 1
    assert hparams["training_completed"] is True
    assert (hparams["version"], hparams["tt_version_dir"]) == (0, str(version))
    assert hparams["model_dir"] == str(version.parents[1])
    assert (hparams["input_size"], hparams["output_size"], hparams["sequence_pad"]) == (4, 6, 12)
    assert hparams["class_names"]["const"] == [f"c{k}" for k in range(CLASSES)]
    best = pd.read_csv(version / "metrics.csv")["best_val_epoch"].dropna().iloc[-1]
    assert hparams["best_val_epoch"] == best


def test_what_was_stopped_leaves_no_model(version: Path, tmp_path: Path) -> None:
    """The search keeps no state of it."""
    order = json.loads((version.parent / "order.json").read_text())
    own = tmp_path / "version_5"
    own.mkdir()
    main([json.dumps({**order, "version": str(own), "state": "PRUNED"})])
    hparams = yaml.safe_load((own / "hparams.yaml").read_text())
    assert (hparams["training_completed"], hparams["state"]) == (False, "PRUNED")
    assert not (own / "best_val_model.pt").exists()


def test_a_state_that_is_gone_is_told(
    version: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    order = json.loads((version.parent / "order.json").read_text())
    (tmp_path / "version_6").mkdir()
    lost = {"version": str(tmp_path / "version_6"), "trial": str(tmp_path)}
    main([json.dumps({**order, **lost})])
    assert "the trial's last state is gone" in json.loads(capsys.readouterr().out)["error"]
