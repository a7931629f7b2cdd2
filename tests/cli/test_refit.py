"""`refit: false`: a study whose model is the winner's best epoch, through the commands."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
import pytest
import yaml

from distrib.study.record.checkpoint import Checkpoints, read_state, without_best
from distrib.study.space.configs import read_config
from distrib.trainables.base import Source, Worker
from distrib.trainables.capabilities import set_aside
from distrib.trial_files import read_metrics
from tests.families.token_family import Lm, write_texts
from tests.support.command import command

pytestmark = pytest.mark.ray

SPACE = {
    "trainable": "tests.families.token_family:Lm",
    "parameters": {
        "width": {"choice": [4, 8]},
        "epochs": 4,
        "batch_tokens": 128,
        "learning_rate": 0.5,
    },
    "scheduler": "none",
    "sampler": "random",
    "refit": False,
    "trials": 2,
}


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory, one_ray: None) -> Path:
    folder = tmp_path_factory.mktemp("refit")
    (folder / "texts").mkdir()
    write_texts(folder / "texts" / "texts.csv", 150)
    (folder / "lm.yaml").write_text(yaml.safe_dump(SPACE))
    return folder


def check(study: Path, texts: Path, said: str) -> None:
    """The weights are the winner's best epoch's, and are judged on either part."""
    figures = json.loads((study / "best" / "metrics.json").read_text())
    words = f"the weights of epoch {figures['epoch']}, trained on the training rows alone"
    assert figures["trained"] == words
    card = (study / "best" / "README.md").read_text()
    for text in (said, card, (study / "report.html").read_text()):
        assert words in text
        assert "trained again" not in text
    assert f"| baseline, `{figures['objective']}` | validation | test |" in card
    assert all(f"| {name} |" in card for name in figures["baselines"])
    trial = study / "trials" / f"{figures['trial']:04d}"
    rows = {row["loss"]: row["step"] for row in read_metrics(trial / "metrics.csv")}
    assert rows[min(rows)] == figures["epoch"]
    weights = read_state(study / "best" / "weights.safetensors")
    saved, _ = Checkpoints(trial / "checkpoint").load()
    assert saved is not None
    best = without_best(saved)[1]
    assert best is not None and best.fidelity == figures["epoch"]
    for name, array in best.state.arrays.items():
        np.testing.assert_array_equal(weights.arrays[name], array)
    config = Lm.Config.model_validate(read_config(study / "best" / "config.yaml"))
    stored: dict[str, Any] = yaml.safe_load((study / "best" / "config.yaml").read_text())
    assert stored["refit"] is False
    data = Lm().load(Source(path=str(texts)))
    rest, test = set_aside(Lm(), data, stored["split"]["test_fraction"], stored["split"]["seed"])
    for part, named in ((Lm().split(config, rest)[1], "validation"), (test, "test")):
        found = Lm().evaluate(config, weights, part, Worker())
        assert found == pytest.approx(figures[named], rel=1e-6)


def test_a_study_and_the_training_of_its_best_configuration(place: Path) -> None:
    said = command(
        place,
        *(
            "tune",
            "--space",
            "lm.yaml",
            "--data",
            str(place / "texts"),
            "--allow-custom",
            "--name",
            "a",
        ),
    )
    check(place / "runs" / "a", place / "texts", said)
    said = command(place, "tune", "--resume", "runs/a", "--allow-custom", "--trials", "3")
    check(place / "runs" / "a", place / "texts", said)
    said = command(place, *("train", "--config", "runs/a/best", "--allow-custom", "--name", "b"))
    check(place / "runs" / "b", place / "texts", said)


@pytest.mark.parametrize(("name", "words", "rows"), [
    ("c", (), "every row but the test part"), ("e", ("--test-fraction", "0"), "every row"),
])  # fmt: skip
def test_a_winner_that_kept_no_weights_is_trained_again(
    name: str, words: tuple[str, ...], rows: str, place: Path
) -> None:
    data = ("--data", str(place / "texts"), "--allow-custom", "--name", name)
    with patch("distrib.study.driver.finish.Checkpoints.has_best", return_value=False):
        said = command(place, "train", "--space", "lm.yaml", *data, *words)
    assert "the winner kept no weights" in said
    figures = json.loads((place / "runs" / name / "best/metrics.json").read_text())
    assert figures["trained"] == f"trained again on {rows}"
    assert f"{figures['trained']}." in (place / "runs" / name / "best/README.md").read_text()


def test_two_workers_leave_the_best_epoch_too(place: Path) -> None:
    words = (
        "--data",
        str(place / "texts"),
        "--allow-custom",
        "--workers-per-trial",
        "2",
        "--name",
        "d",
    )
    said = command(place, "train", "--space", "lm.yaml", *words)
    check(place / "runs" / "d", place / "texts", said)
