"""How well the classes of single frames are met: precision, recall, F1, accuracy.

As in daart, only frames with a hand label other than background count; a frame that is taken for
background is then a miss.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from distrib.data.behaviour.labels import BACKGROUND


def confusion(truth: np.ndarray, predicted: np.ndarray, num_classes: int) -> np.ndarray:
    """(K, K) frames by true and predicted class, of the frames that are labelled.

    Args:
        truth, predicted: (frames,) integers; truth 0 or below is not labelled.
    """
    known = truth > BACKGROUND
    pairs = truth[known].astype(np.int64) * num_classes + predicted[known]
    return np.bincount(pairs, minlength=num_classes**2).reshape(num_classes, num_classes)


def frame_scores(matrix: np.ndarray, classes: Sequence[str]) -> dict[str, float]:
    """Accuracy; precision, recall and F1 of every class that occurs, and their means.

    A class that no frame has is left out of the means. Where nothing was taken for a class its
    precision is 0. Without a labelled frame there are no figures.

    Args:
        matrix: (K, K) as of `confusion`, sums of several included.
    """
    total = matrix.sum()
    if not total:
        return {}
    hits = np.diag(matrix).astype(float)
    true, taken = matrix.sum(axis=1), matrix.sum(axis=0)
    present = [k for k in range(BACKGROUND + 1, len(classes)) if true[k]]
    precision = hits / np.maximum(taken, 1)
    recall = hits / np.maximum(true, 1)
    f1 = 2 * hits / np.maximum(true + taken, 1)
    scores = {
        "f1_macro": float(f1[present].mean()),
        "precision_macro": float(precision[present].mean()),
        "recall_macro": float(recall[present].mean()),
        "accuracy": float(hits.sum() / total),
    }
    for name, values in (("f1", f1), ("precision", precision), ("recall", recall)):
        scores |= {f"{name}_{classes[k]}": float(values[k]) for k in present}
    return scores
