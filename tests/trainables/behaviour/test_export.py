"""What a trial leaves behind in daart's layout: names, columns and shapes."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
import yaml

from distrib.data.behaviour.sessions import Sessions
from distrib.data.behaviour.simulate import simulate
from distrib.errors import InputError
from distrib.study.driver.model import open_model
from distrib.study.record.checkpoint import Checkpoints
from distrib.study.record.metrics_file import MetricsFile
from distrib.study.space.configs import config_yaml
from distrib.study.worker.reports import Pace
from distrib.study.worker.trial import run_trial
from distrib.trainables.base import Worker
from distrib.trainables.behaviour.daart.export import main
from distrib.trainables.behaviour.daart.folders import is_written
from distrib.trainables.behaviour.segmenter.config import SegmenterConfig
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


def read_config(version: Path) -> SegmenterConfig:
    order = json.loads((version.parent / "order.json").read_text())
    return SegmenterConfig.model_validate(order["config"])


def sessions_of(version: Path) -> Sessions:
    return Segmenter().load(Segmenter.Source(path=str(version.parent), input_type="features"))


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


def test_metrics_have_the_columns_and_rows(version: Path) -> None:
    """As daart has them: epoch 0 is trained alone, and each session is validated by itself."""
    table = pd.read_csv(version / "metrics.csv")
    parts = ["loss", "loss_weak", "fc", "loss_strong", "loss_pred"]
    first = ["epoch", "batch", "trial", *(f"tr_{m}" for m in parts), "dataset", "best_val_epoch"]
    first += [f"val_{m}" for m in parts]
    assert list(table.columns[: len(first)]) == first
    for column in ("val_f1_macro", "test_loss"):
        assert column in table
    train, validation = (table.dropna(subset=[f"{part}_loss"]) for part in ("tr", "val"))
    assert list(zip(train["epoch"], train["dataset"])) == [(e, -1) for e in range(4)]
    expected = [(e, d) for e in (1, 2, 3) for d in (-1, 0, 1)]
    assert list(zip(validation["epoch"], validation["dataset"])) == expected
    tests = table.dropna(subset=["test_loss"])
    assert set(tests["dataset"]) == {0, 1}
    assert (tests["trial"] >= 0).all()


@pytest.mark.parametrize("part", ["tr", "val"])
def test_the_loss_is_the_sum_of_its_parts(version: Path, part: str) -> None:
    table = pd.read_csv(version / "metrics.csv").dropna(subset=[f"{part}_loss"])
    parts = sum(table[f"{part}_loss_{name}"] for name in ("strong", "weak", "pred"))
    np.testing.assert_allclose(table[f"{part}_loss"], parts, rtol=1e-12)


def test_sessions_together_are_the_mean_of_their_frames(version: Path) -> None:
    """The heuristics leave no frame without a label, so that each sequence weighs the same."""
    table = pd.read_csv(version / "metrics.csv").dropna(subset=["val_loss"])
    config, sessions = read_config(version), sessions_of(version)
    _, validation = Segmenter().split(config, sessions)
    sizes = np.bincount(validation.groups)
    for _, rows in table.groupby("epoch"):
        whole, *each = rows["val_fc"]
        np.testing.assert_allclose(whole, np.average(each, weights=sizes))


def test_epoch_0_is_the_network_as_it_was_drawn(version: Path) -> None:
    """Its agreement with the heuristics, counted by hand."""
    table = pd.read_csv(version / "metrics.csv")
    config, sessions = read_config(version), sessions_of(version)
    family = Segmenter()
    train, _ = family.split(config, sessions)
    torch.manual_seed(config.seed)
    network = family.build(config, family.values(config, train)).eval()
    same = total = 0
    for session, start, stop in train.parts.tolist():
        signals = sessions.tracks[session].rows(start - 12, stop + 12)
        found = network(torch.from_numpy(signals.copy())[None])["strong"][0].argmax(-1)
        same += int((found.numpy() == sessions.weak[session][start:stop]).sum())
        total += stop - start
    assert table.loc[0, "tr_fc"] == pytest.approx(same / total, abs=1e-9)


def test_the_console_has_the_configuration_and_the_epochs(version: Path) -> None:
    lines = (version / "console.log").read_text().splitlines()
    assert "    lambda_weak: 1" in lines
    epochs = [line for line in lines if line.startswith("epoch ")]
    table = pd.read_csv(version / "metrics.csv").dropna(subset=["val_f1_macro"])
    assert [int(line.split()[1].rstrip(":")) for line in epochs] == [1, 2, 3]
    assert epochs[-1].endswith(f"val_f1_macro {table['val_f1_macro'].iloc[-1]:.4f}")
    assert lines[-1] == "hello"  # what the training itself wrote


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


def test_a_version_is_opened_as_its_trial(version: Path) -> None:
    """Of the lowest validation loss, as its own weights are."""
    order = json.loads((version.parent / "order.json").read_text())
    text = config_yaml("segmenter", order["config"], source=order["source"])
    (Path(order["trial"]) / "config.yaml").write_text(text)
    model = open_model(version)
    probabilities = model.predict(model.load())
    first = probabilities[probabilities["session"] == "s0"].filter(like="p_").to_numpy()
    np.testing.assert_allclose(first[:1_500], np.load(version / "s0_states.npy"), atol=1e-5)
    with pytest.raises(InputError, match=r"config.yaml: no such file"):
        open_model(version.parent)


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


def test_an_eval_dir_that_fails_costs_nothing_else(
    version: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """It is told apart, and written when it is there."""
    order = json.loads((version.parent / "order.json").read_text())
    own, new = tmp_path / "version_7", tmp_path / "new"
    own.mkdir()
    order |= {"version": str(own), "eval_dir": str(new)}
    main([json.dumps(order)])
    answer = json.loads(capsys.readouterr().out)
    assert "error" not in answer and str(new) in answer["eval_error"]
    names = {path.name for path in version.iterdir()} - {"later_states.npy"}
    assert {path.name for path in own.iterdir()} == names | {"export_error.txt"}
    assert not is_written(own, str(new))
    (version.parent / "new").rename(new)
    main([json.dumps(order)])
    assert json.loads(capsys.readouterr().out) == {"version": str(own)}
    assert {path.name for path in own.iterdir()} == names | {"later_states.npy"}
    assert is_written(own, str(new))
    new.rename(version.parent / "new")
