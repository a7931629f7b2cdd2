"""Edit score and segmental F1, beside what they are defined as, written down directly."""

from __future__ import annotations

from functools import cache
from itertools import groupby

import numpy as np
import pytest

from distrib.data.behaviour.segment_metrics import (
    edit_distance,
    segment_scores,
    segment_sums,
    segments,
    stretches,
)


def by_recursion(first: tuple[int, ...], second: tuple[int, ...]) -> int:
    @cache
    def distance(i: int, j: int) -> int:
        if not i or not j:
            return i + j
        return min(
            distance(i - 1, j) + 1,
            distance(i, j - 1) + 1,
            distance(i - 1, j - 1) + (first[i - 1] != second[j - 1]),
        )

    return distance(len(first), len(second))


def sets(states: np.ndarray) -> list[tuple[int, set[int]]]:
    """Bouts as sets of frames."""
    groups = [[*g] for _, g in groupby(enumerate(states.tolist()), key=lambda pair: pair[1])]
    return [(g[0][1], {i for i, _ in g}) for g in groups if g[0][1] != 0]


def f1_by_sets(truth: np.ndarray, predicted: np.ndarray, overlap: float) -> float:
    true, taken = sets(truth), sets(predicted)
    free, hits = set(range(len(true))), 0
    for word, frames in taken:
        ratios = [
            len(frames & other) / len(frames | other) if word == known else -1.0
            for known, other in true
        ]
        best = max(range(len(true)), key=lambda i: ratios[i], default=None)
        if best is not None and ratios[best] >= overlap and best in free:
            free.remove(best)
            hits += 1
    return 2 * hits / (len(true) + len(taken))


@pytest.mark.parametrize("seed", range(25))
def test_against_the_definitions(seed: int) -> None:
    rng = np.random.default_rng(seed)
    truth = np.repeat(rng.integers(0, 4, 12), rng.integers(1, 12, 12))
    predicted = truth.copy()
    for _ in range(6):
        at = int(rng.integers(len(truth)))
        predicted[at : at + int(rng.integers(1, 9))] = rng.integers(0, 4)
    known = np.ones(len(truth), dtype=bool)
    scores = segment_scores(segment_sums(truth, predicted, known))
    words = [tuple(segments(s)[:, 0].tolist()) for s in (truth, predicted)]
    distance = by_recursion(*words)
    assert edit_distance(segments(truth)[:, 0], segments(predicted)[:, 0]) == distance
    assert scores["edit"] == pytest.approx(1 - distance / max(map(len, words)))
    for overlap in (10, 25, 50):
        expected = f1_by_sets(truth, predicted, overlap / 100)
        assert scores[f"segment_f1_{overlap}"] == pytest.approx(expected)


def test_right_and_wrong_altogether() -> None:
    truth = np.array([1, 1, 2, 2, 0, 3])
    known = np.ones(6, dtype=bool)
    assert set(segment_scores(segment_sums(truth, truth, known)).values()) == {1.0}
    wrong = segment_scores(segment_sums(truth, np.zeros(6, int), known))
    assert set(wrong.values()) == {0.0}
    assert segment_scores(segment_sums(truth, truth, ~known)) == {}


def test_one_bout_cut_in_two_is_an_edit_and_one_hit() -> None:
    truth, predicted = np.ones(20, int), np.ones(20, int)
    predicted[12:14] = 2
    scores = segment_scores(segment_sums(truth, predicted, truth > 0))
    assert scores["edit"] == pytest.approx(1 - 2 / 3)
    assert scores["segment_f1_50"] == pytest.approx(2 / 4)


def test_stretches() -> None:
    known = np.array([0, 1, 1, 0, 1], dtype=bool)
    assert stretches(known).tolist() == [[1, 3], [4, 5]]
    assert stretches(np.zeros(3, dtype=bool)).tolist() == []
