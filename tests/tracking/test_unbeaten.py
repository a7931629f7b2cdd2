"""What is said of baselines that a winner does not beat, or not beyond doubt."""

from __future__ import annotations

from typing import Any

import pytest

from distrib.records import StudyRecord, unbeaten

BASELINES = {
    "training mean": {"score": 0.60, "test/score": 0.55},
    "ridge": {"score": 0.70},
    "each its own mean (bound)": {"score": 0.99},
}


def said(value: float, ends: list[float] | None, direction: Any = "max") -> list[str]:
    study = StudyRecord("s", "toy", "score", direction, "epoch", 9, 4)
    winner = {"validation": {"score": value}, "test": {"score": 0.5}}
    if ends is not None:
        winner["intervals"] = {"validation": {"score": ends}}  # type: ignore[dict-item]
    return [line for line in unbeaten(study, winner, BASELINES) if "validation" in line]


@pytest.mark.parametrize(
    ("value", "ends", "lines"),
    [
        (0.80, [0.75, 0.85], []),
        (0.80, None, []),
        (0.65, [0.62, 0.68], ["does not beat: ridge (0.7000)"]),
        (0.80, [0.58, 0.9], ["interval: training mean (0.6000), ridge (0.7000)"]),
        (
            0.65,
            [0.55, 0.75],
            ["does not beat: ridge (0.7000)", "within its 95% interval: training mean (0.6000)"],
        ),
        (0.50, [0.4, 0.6], ["does not beat: training mean (0.6000), ridge (0.7000)"]),
    ],
)
def test_of_what_is_to_be_large(value: float, ends: list[float] | None, lines: list[str]) -> None:
    found = said(value, ends)
    assert len(found) == len(lines)
    for line, part in zip(found, lines):
        assert part in line


def test_of_what_is_to_be_small_the_upper_end_counts() -> None:
    assert said(0.5, [0.4, 0.65], "min") == [
        "on validation data the winner (score 0.5000) beats these, which lie within its 95% "
        "interval: training mean (0.6000)"
    ]
