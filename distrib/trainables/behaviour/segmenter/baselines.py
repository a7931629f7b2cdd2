"""What stands beside a segmenter's score: the commonest class, and the heuristics themselves."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from distrib.data.behaviour.frame_metrics import confusion
from distrib.data.behaviour.sessions import Sessions
from distrib.trainables.behaviour.segmenter.figures import bout_sums, scores

SHIPPED = {
    "backbone": "dtcn",
    "n_hid_layers": 2,
    "n_hid_units": 32,
    "n_lags": 4,
    "dropout": 0.1,
    "lambda_strong": 1.0,
    "lambda_weak": 1.0,
    "lambda_pred": 1.0,
    "learning_rate": 1e-4,
    "batch_size": 2,
    "sequence_length": 500,
    "patience": 0,
}
"""The configuration that daart ships."""


def simple_baselines(
    train: Sessions, validation: Sessions, test: Sessions | None, ignore_class: int
) -> dict[str, dict[str, float]]:
    """Name -> metric -> value on the validation sequences; test figures as `test/<metric>`."""
    commonest = int(train.counts(train.hand)[1:].argmax()) + 1
    found = {"most frequent class": lambda data, part: _constant(data, part, commonest)}
    if any(train.weak[session] is not None for session in set(train.groups.tolist())):
        found["heuristics"] = lambda data, part: data.labels(data.weak, part)
    return {
        name: {
            **_judged(validation, states, ignore_class),
            **{
                f"test/{key}": value
                for key, value in (_judged(test, states, ignore_class) if test else {}).items()
            },
        }
        for name, states in found.items()
    }


def _constant(data: Sessions, part: int, state: int) -> np.ndarray:
    _, start, stop = data.parts[part].tolist()
    return np.full(stop - start, state, dtype=np.int16)


def _judged(
    data: Sessions, states: Callable[[Sessions, int], np.ndarray], ignore_class: int
) -> dict[str, float]:
    predicted = [states(data, part) for part in range(len(data))]
    size = len(data.classes)
    matrix = np.zeros((size, size), dtype=np.int64)
    for part, own in enumerate(predicted):
        matrix += confusion(data.labels(data.hand, part), own, size)
    return scores(matrix, bout_sums(data, predicted, ignore_class), data.classes)
