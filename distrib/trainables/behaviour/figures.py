"""The figures by which a segmentation is judged, from sums over frames and bouts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from distrib.data.behaviour.frame_metrics import confusion, frame_scores
from distrib.data.behaviour.segment_metrics import segment_scores, segment_sums
from distrib.data.behaviour.sessions import Sessions
from distrib.trainables.base import Metric

METRICS = (
    Metric("f1_macro", "max", "F1 of frames, mean over the labelled classes"),
    Metric("loss", "min", "weighted sum of the parts of the loss, as requested"),
    Metric("loss_strong", "min", "cross-entropy of the hand labels"),
    Metric("precision_macro", "max", "precision of frames, mean over classes"),
    Metric("recall_macro", "max", "recall of frames, mean over classes"),
    Metric("accuracy", "max", "labelled frames whose class is met"),
    Metric("edit", "max", "1 - edits from the predicted to the true bouts, over the most"),
    Metric("segment_f1_10", "max", "F1 of bouts that overlap by 10%"),
    Metric("segment_f1_25", "max", "F1 of bouts that overlap by 25%"),
    Metric("segment_f1_50", "max", "F1 of bouts that overlap by 50%"),
)


def state_scores(
    data: Sessions, predicted: Sequence[np.ndarray], ignore_class: int
) -> dict[str, float]:
    """Figures of frames and of bouts.

    Args:
        predicted: for each part of the data (frames,) classes.
    """
    size = len(data.classes)
    matrix = np.zeros((size, size), dtype=np.int64)
    for part, states in enumerate(predicted):
        matrix += confusion(data.labels(data.hand, part), states, size)
    return {
        **frame_scores(matrix, data.classes),
        **segment_scores(bout_sums(data, predicted, ignore_class)),
    }


def bout_sums(data: Sessions, predicted: Sequence[np.ndarray], ignore_class: int) -> np.ndarray:
    """`segment_sums` over sessions; sequences that follow each other are taken as one.

    Args:
        predicted: for each part (frames,) classes.
    """
    order = np.lexsort((data.parts[:, 1], data.parts[:, 0]))
    runs: list[list[int]] = []
    for part in order.tolist():
        follows = runs and (data.parts[runs[-1][-1], [0, 2]] == data.parts[part, :2]).all()
        runs[-1].append(part) if follows else runs.append([part])
    total: Any = 0
    for run in runs:
        truth = np.concatenate([data.labels(data.hand, part) for part in run])
        taken = np.concatenate([predicted[part] for part in run])
        total = total + segment_sums(truth, taken, truth != ignore_class)
    return np.asarray(total)
