"""What a study of a screen leaves beside the weights: predictions out of fold and their figures.

Figures are means over rows with the interval of a bootstrap over rows, or over their groups where
several rows have one, since perturbations are what a screen has few of.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from distrib.claims import LEAST
from distrib.data.screens.scoring import metrics
from distrib.data.screens.scoring.scores import row_table
from distrib.data.screens.screen import Screen
from distrib.files import atomic_path

PREDICTIONS = "out_of_fold.parquet"
ROWS = "rows.csv"
TARGETS = "targets.csv"
HEXBIN = "predicted_against_measured.png"
SPREAD = "pearson_by_target.png"


def write_artifacts(
    folder: Path,
    screen: Screen,
    predicted: np.ndarray,
    reference: np.ndarray,
    parts: np.ndarray,
) -> list[str]:
    """Write predictions, a table of rows, one of targets, and pictures; what they come to, a line.

    Args:
        predicted, reference: (rows, G) out of fold, and the training mean of each row's fold.
        parts: (rows,) the fold that a row is held out with.
    """
    from distrib.trainables.screens.pictures import draw_hexbin, draw_targets

    assert screen.targets is not None
    frame = pd.DataFrame(predicted, columns=screen.columns.tolist())
    frame.insert(0, "id", screen.ids, allow_duplicates=True)
    with atomic_path(folder / PREDICTIONS) as temporary:
        frame.to_parquet(temporary, index=False)
    rows = row_table(predicted, screen, reference, parts)
    targets = target_table(predicted, screen, reference, parts)
    for table, name in ((rows, ROWS), (targets, TARGETS)):
        with atomic_path(folder / name) as temporary:
            table.to_csv(temporary, index=False, lineterminator="\n", float_format="%.6g")
    draw_hexbin(predicted, screen.targets, folder / HEXBIN)
    draw_targets(targets, folder / SPREAD)
    few = len(np.unique(screen.groups)) < LEAST
    low, high = metrics.interval(rows["pearson"].to_numpy(), groups=screen.groups)
    if few or not np.isfinite(low):
        return []
    judged = rows["pearson"].notna().to_numpy()
    count, groups = judged.sum(), len(np.unique(screen.groups[judged]))
    drawn = "rows" if groups == count else f"{groups} groups of rows"
    return [
        f"out of fold, pearson is {rows['pearson'].mean():.3f} on average over {count} rows "
        f"(95% interval {low:.3f} to {high:.3f}, bootstrap over {drawn})"
    ]


def target_table(
    predicted: np.ndarray, screen: Screen, reference: np.ndarray, parts: np.ndarray
) -> pd.DataFrame:
    """`target`, `spread` (standard deviation of what was measured), and every metric over rows."""
    assert screen.targets is not None
    measured = np.isfinite(screen.targets)
    count = np.maximum(measured.sum(axis=0), 1)
    mean = np.where(measured, screen.targets, 0.0).sum(axis=0) / count
    squares = np.where(measured, screen.targets - mean, 0.0) ** 2
    return pd.DataFrame(
        {
            "target": screen.columns,
            "spread": np.sqrt(squares.sum(axis=0) / count),
            **metrics.table(predicted, screen.targets, reference, 0, parts),
        }
    )
