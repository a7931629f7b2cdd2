"""Where a trial's files lie in a run folder, and what its `metrics.csv` says: told here alone."""

from __future__ import annotations

import csv
import math
from pathlib import Path

TRIALS = "trials"
METRICS = "metrics.csv"
CONFIG = "config.yaml"
Columns = dict[str, list[float]]


def trial_name(number: int) -> str:
    """A trial's number as its folder is named, here and under tensorboard/: 0007."""
    return f"{number:04d}"


def trial_folder(study: Path, number: int) -> Path:
    """The folder of a trial in a study's folder."""
    return study / TRIALS / trial_name(number)


def whole_cells(path: Path) -> list[list[str]]:
    """The cells of the whole lines of a `metrics.csv`, the names of its columns first.

    A last line without its end is being written, or was torn.
    """
    if not path.exists():
        return []
    content = path.read_bytes()
    return list(csv.reader(content[: content.rfind(b"\n") + 1].decode().splitlines()))


def read_metrics(path: Path) -> list[dict[str, float]]:
    """A mapping per row of a `metrics.csv`; empty cells are left out."""
    names, *rows = whole_cells(path) or [[]]
    return [{name: float(cell) for name, cell in zip(names, row) if cell} for row in rows]


def read_columns(path: Path) -> Columns:
    """The rows of a `metrics.csv` by column, (rows,) each; an empty cell is NaN."""
    names, *rows = whole_cells(path) or [[]]
    if not rows:
        return {}
    return {
        name: [float(cell) if cell else math.nan for cell in cells]
        for name, *cells in zip(names, *rows, strict=True)
    }
