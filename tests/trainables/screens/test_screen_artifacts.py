"""What is said of a screen's predictions out of fold, in words and pictures."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from distrib.data.screens.screen import Screen
from distrib.trainables.screens import pictures
from distrib.trainables.screens.artifacts import write_artifacts
from tests.support.small_screens import ROWS, small_screen


def written(folder: Path, screen: Screen) -> list[str]:
    """Artifacts of predictions that are near the truth."""
    assert screen.targets is not None
    noise = np.random.default_rng(0).normal(size=screen.targets.shape)
    predicted = (screen.targets + noise).astype(np.float32)
    parts = np.asarray(screen.folds)
    return write_artifacts(folder, screen, predicted, np.zeros_like(predicted), parts)


@pytest.mark.parametrize(
    ("groups", "drawn"),
    [(np.arange(ROWS), "rows"), (np.arange(ROWS) // 3, f"{-(-ROWS // 3)} groups of rows")],
)
def test_what_the_bootstrap_drew_is_said(tmp_path: Path, groups: np.ndarray, drawn: str) -> None:
    (note,) = written(tmp_path, replace(small_screen(), groups=groups))
    assert f"on average over {ROWS} rows" in note
    assert note.endswith(f", bootstrap over {drawn})")


def test_columns_that_are_no_genes_are_called_targets(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    said = []

    def look(figure: Any, path: Path) -> None:
        (axes, *_) = figure.axes
        labels = (
            [text.get_text() for text in axes.get_legend().get_texts()] if axes.get_legend() else []
        )
        said.extend([path.name, axes.get_title(), *labels])

    monkeypatch.setattr(pictures, "save_figure", look)
    written(tmp_path, small_screen())
    table = pd.read_csv(tmp_path / "targets.csv")
    told = " ".join(said)
    assert f"{len(table)} targets" in told
    assert f"median {table['pearson'].median():.3f}" in told
    assert f"mean, which is pearson_column, {table['pearson'].mean():.3f}" in told
    assert "gene" not in " ".join([told, *(path.name for path in tmp_path.iterdir())])
