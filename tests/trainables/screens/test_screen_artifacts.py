"""What is said of a screen's predictions out of fold, in words and pictures."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from distrib.data.screens.screen import Screen
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
