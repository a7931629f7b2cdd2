"""Every figure by which predictions of a screen are judged: means over rows and genes, per row."""

from __future__ import annotations

import numpy as np
import pandas as pd

from distrib.data.screens.scoring import metrics
from distrib.data.screens.scoring.identification import (
    centroid_accuracy,
    de_overlap,
    discrimination,
)
from distrib.data.screens.scoring.responders import auprc, auroc
from distrib.data.screens.screen import Screen


def scores(
    predicted: np.ndarray,
    screen: Screen,
    reference: np.ndarray,
    parts: np.ndarray | None = None,
    finished: bool = False,
) -> dict[str, float]:
    """See `metrics.summary`; and, where responding genes are known, `auroc` and `auprc`.

    Args:
        predicted: (rows, G). reference: (rows, G) or (G,), the training mean of each row.
        parts: (rows,) which rows were held out together; None: as `reference` tells.
        finished: also what takes long, see `identified`.
    """
    assert screen.targets is not None
    values = metrics.summary(predicted, screen.targets, reference, parts)
    for name, column in _responders(predicted, screen).items():
        known = _judged(screen)
        if known.any():
            values[name] = float(column[known].mean())
    if parts is None:
        parts = metrics.parts_of_reference(reference, len(screen))
    for name, column in identified(predicted, screen, parts).items() if finished else ():
        known = ~np.isnan(column)
        if known.any():
            values[name] = float(column[known].mean())
    return values


def row_table(
    predicted: np.ndarray,
    screen: Screen,
    reference: np.ndarray,
    parts: np.ndarray | None = None,
    finished: bool = False,
) -> pd.DataFrame:
    """`id` and, for each row, pearson, delta_pearson, rmse, mae, mse, l2, and the responders'."""
    assert screen.targets is not None
    columns = metrics.table(predicted, screen.targets, reference, 1, parts)
    if parts is None:
        parts = metrics.parts_of_reference(reference, len(screen))
    more = identified(predicted, screen, parts) if finished else {}
    return pd.DataFrame({"id": screen.ids, **columns, **_responders(predicted, screen), **more})


def identified(predicted: np.ndarray, screen: Screen, parts: np.ndarray) -> dict[str, np.ndarray]:
    """(rows,) each: discrimination, centroid_accuracy, and de_overlap where responders are known.

    They take a distance for every two rows of a part, and are of finished models alone.
    """
    assert screen.targets is not None
    found = {
        "discrimination": discrimination(
            predicted, screen.targets, parts, screen.ids, screen.columns
        ),
        "centroid_accuracy": centroid_accuracy(predicted, screen.targets, parts),
    }
    if screen.responding is not None:
        found["de_overlap"] = de_overlap(predicted, screen.responding)
    return {name: values for name, values in found.items() if not np.isnan(values).all()}


def _responders(predicted: np.ndarray, screen: Screen) -> dict[str, np.ndarray]:
    if screen.responding is None:
        return {}
    sizes = np.abs(predicted)
    return {"auroc": auroc(sizes, screen.responding), "auprc": auprc(sizes, screen.responding)}


def _judged(screen: Screen) -> np.ndarray:
    """(rows,) bool: rows in which some genes respond and others do not."""
    assert screen.responding is not None
    positive = screen.responding.sum(axis=1)
    return (positive > 0) & (positive < screen.responding.shape[1])
