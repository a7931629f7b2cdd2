"""Reading the `metrics.csv` of a trial."""

from __future__ import annotations

import csv
import math
from pathlib import Path

Columns = dict[str, list[float]]


def read_columns(path: Path) -> Columns:
    """The whole rows of a `metrics.csv` by column, (rows,) each; an empty cell is NaN."""
    if not path.exists():
        return {}
    content = path.read_bytes()
    lines = content[: content.rfind(b"\n") + 1].decode().splitlines()
    rows = list(csv.reader(lines))
    if len(rows) < 2:
        return {}
    return {
        name: [float(cell) if cell else math.nan for cell in cells]
        for name, *cells in zip(*rows, strict=True)
    }
