"""What stands beside a score: the commonest class, and the heuristics themselves."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from distrib.data.behaviour.sessions import Sessions
from distrib.trainables.behaviour.figures import state_scores


def simple_baselines(
    train: Sessions, validation: Sessions, test: Sessions | None, ignore_class: int
) -> dict[str, dict[str, float]]:
    """Name -> metric -> value on the validation sequences; test figures as `test/<metric>`."""
    commonest = int(train.counts(train.hand)[1:].argmax()) + 1
    found = {"most frequent class": lambda data, part: _constant(data, part, commonest)}
    if any(train.weak[session] is not None for session in set(train.groups.tolist())):
        found["heuristics"] = lambda data, part: data.labels(data.weak, part)

    def scores(data: Sessions, states: Callable[[Sessions, int], np.ndarray]) -> dict[str, float]:
        return state_scores(data, [states(data, part) for part in range(len(data))], ignore_class)

    return {
        name: {
            **scores(validation, states),
            **{f"test/{k}": v for k, v in (scores(test, states) if test else {}).items()},
        }
        for name, states in found.items()
    }


def _constant(data: Sessions, part: int, state: int) -> np.ndarray:
    _, start, stop = data.parts[part].tolist()
    return np.full(stop - start, state, dtype=np.int16)
