"""Real screens: a negative control in yeast, and human embeddings against the size of responses."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from distrib.data.screens.expression import ExpressionFiles, read_expression
from distrib.data.screens.screen import Screen
from distrib.trainables.base import Worker
from distrib.trainables.registry import load_family
from distrib.trainables.screens.lel.config import LelConfig
from distrib.trainables.screens.lel.family import LatentEmbedding
from experiments.real_screens.run import human, yeast

WORKER = Worker()


def read(words: list[object]) -> Screen:
    """The screen of the arguments of `distrib.prepare expression`."""
    named = {str(a).removeprefix("--").replace("-", "_"): b for a, b in zip(*[iter(words)] * 2)}
    return read_expression(ExpressionFiles(**named), [])  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def control(real_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Screen:
    """100 inductions of 87 factors, 548 genes; of a factor its amino acids are counted."""
    screen = read(yeast(real_data / "expression", tmp_path_factory.mktemp("yeast")))
    assert len(screen) == 100
    assert len(np.unique(screen.groups)) == 87
    return screen


def scores(screen: Screen, **values: Any) -> dict[str, float]:
    config = LelConfig.model_validate({"gene_side": "identity", "components": 0, **values})
    *_, last = LatentEmbedding().progress(config, screen, WORKER)
    assert last.metrics is not None
    return dict(last.metrics)


def test_in_the_negative_control_only_shrinkage_helps(control: Screen) -> None:
    """Little of it is worse than the mean, much of it becomes the mean, the best is no better."""
    bars = LatentEmbedding().baselines(LelConfig(), control, None, WORKER)
    mean = bars["training mean"]
    assert mean["mse"] == pytest.approx(0.156, abs=0.003)
    little = scores(control, perturbation_penalty=0.1)
    assert little["mse"] > 1.2 * mean["mse"]
    much = scores(control, perturbation_penalty=1e6)
    assert much["mse"] == pytest.approx(mean["mse"], rel=1e-3)
    chosen = scores(control)
    assert chosen["mse"] == pytest.approx(mean["mse"], rel=0.02)
    assert chosen["pearson"] < 0.06
    assert bars["no change"]["mse"] < chosen["mse"]


@pytest.mark.parametrize("name", ["mlp", "lel", "xgboost"])
def test_human_embeddings_say_little_of_the_size_of_responses(
    name: str, real_data: Path, tmp_path: Path
) -> None:
    """287 factors with both; whatever is predicted, its interval tells how little is known."""
    screen = read(human(real_data / "expression", tmp_path))
    assert (len(screen), screen.inputs.shape[1], len(screen.columns)) == (287, 512, 1)
    family = load_family(name)
    config = family.Config.model_validate({"epochs": 4} if name == "mlp" else {})
    *_, last = family.progress(config, screen, WORKER)
    assert last.metrics is not None and last.held_out is not None
    held_out = last.held_out()
    low, high = family.held_out_intervals(config, screen, held_out)["pearson_column"]
    if name == "lel":  # the penalty that is chosen leaves the mean of each fold, which says nothing
        assert held_out["log10_n_de_genes"].round(9).nunique() == config.folds
        assert (low, last.metrics["pearson_column"], high) == (0, 0, 0)
        return
    assert low < last.metrics["pearson_column"] < high
    assert high - low > 0.15
    assert high < 0.5
