"""Figures on rows that a model was trained on are said to be no claim about new ones."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from distrib.evaluate import main
from distrib.study.driver.model import build_model
from distrib.study.record.checkpoint import read_state, write_state
from distrib.study.space.configs import config_yaml
from distrib.trainables.base import State


@pytest.fixture(scope="module")
def screen(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The 120 rows of the example."""
    folder = tmp_path_factory.mktemp("screen")
    build_model("mlp").family.example(folder)
    return folder


@pytest.fixture(scope="module")
def best(tmp_path_factory: pytest.TempPathFactory, screen: Path) -> Path:
    """A model trained on the first 50 of them."""
    folder = tmp_path_factory.mktemp("best")
    config = {"epochs": 1, "hidden_width": 4}
    model = build_model("mlp", **config)
    trained = model.train(model.load(str(screen)).take(np.arange(50)))
    assert trained.state is not None
    write_state(folder / "weights.safetensors", trained.state)
    text = config_yaml("mlp", trained.config.model_dump(), source={"path": str(screen)})
    (folder / "config.yaml").write_text(text)
    return folder


def notes(argv: list[str], capsys: pytest.CaptureFixture[str]) -> list[str]:
    assert main(argv) == 0
    printed = capsys.readouterr().out.splitlines()
    assert any(line.startswith("pearson ") for line in printed)
    return [line for line in printed if line.startswith("note: ")]


def test_rows_it_was_trained_on_are_counted_and_named(
    best: Path, screen: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    first = pd.read_csv(screen / "targets.csv")["id"][:5]
    said = (
        f"rows were in its training data ({', '.join(first)}, ...): the figures below are no claim "
        "about rows that are new to it"
    )
    for argv in ([str(best)], [str(best), "--data", str(screen)]):
        assert notes(argv, capsys)[-1] == f"note: 50 of 120 {said}"
    held_out = tmp_path / "held_out"
    shutil.copytree(screen, held_out)
    for name in ("targets.csv", "groups.csv"):
        table = pd.read_csv(held_out / name)
        table[50:].to_csv(held_out / name, index=False)
    assert not any("training" in n for n in notes([str(best), "--data", str(held_out)], capsys))


def test_a_model_that_does_not_know_its_rows(
    best: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    old = tmp_path / "old"
    shutil.copytree(best, old)
    state = read_state(old / "weights.safetensors")
    arrays = {name: a for name, a in state.arrays.items() if name.startswith("model.")}
    write_state(old / "weights.safetensors", State(arrays, state.values))
    assert notes([str(old)], capsys)[-1].endswith("include the rows it was trained on")
