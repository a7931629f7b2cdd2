"""What is said of a winner beside its baselines, in the order of what it is worth."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
import pytest

from distrib.claims import (
    NO_CHANGE,
    TRAINING_MEAN,
    UNCENTRED,
    claims,
    count,
    heading,
    turned,
    turned_words,
    verdict,
    worth_words,
)
from distrib.data.screens.simulate_screen import simulated_screen
from distrib.records import StudyRecord, trained_words
from distrib.tracking.summary import gains_table
from distrib.trainables.screens.base import METRICS
from distrib.trainables.screens.baselines import fits

BASELINES = {
    "training mean": {"pearson": 0.4633, "rmse": 2.0, "test/pearson": 0.45, "test/rmse": 2.1},
    "ridge": {"pearson": 0.42, "rmse": 2.2, "test/pearson": 0.47, "test/rmse": 2.2},
}


def study(selects: Literal["best", "last"] = "last") -> StudyRecord:
    metrics: dict[str, Any] = {"pearson": "max", "rmse": "min"}
    return StudyRecord("s", "lel", "pearson", "max", "fold", 5, 9, selects=selects, metrics=metrics)


def part(rows: int, tried: int, **gains: dict[str, list[float | None]]) -> dict[str, Any]:
    return {"rows": rows, "groups": rows, "tried": tried, "metrics": gains}


def winner(test: dict[str, Any] | None, validation: dict[str, Any]) -> dict[str, Any]:
    gains = {"validation": validation} | ({"test": test} if test else {})
    return {
        "validation": {"pearson": 0.4657, "rmse": 1.9},
        "test": {"pearson": 0.46, "rmse": 2.0} if test else {},
        "gains": gains,
    }


VALIDATION = part(
    300, 10, pearson={"training mean": [0.0024, 0.0019, 0.0029], "ridge": [0.0457, 0.03, 0.06]}
)
TEST = part(
    45,
    1,
    pearson={"training mean": [0.01, -0.002, 0.022], "ridge": [-0.01, -0.015, -0.005]},
    rmse={"training mean": [0.1, 0.05, 0.15], "ridge": [0.2, 0.1, 0.3]},
)


def test_a_true_gain_on_validation_data_is_told_as_one() -> None:
    first, second = claims(study(), winner(None, VALIDATION), BASELINES)
    assert first == (
        "validation (n = 300): pearson 0.4657 is 0.0024 above the best baseline, training mean "
        "(gain 0.0024, 95% interval 0.0019 to 0.0029): better. Better than training mean, ridge"
    )
    assert "for all 10 configurations tried at once" in second


def test_the_test_part_comes_first_and_a_turn_is_told() -> None:
    lines = claims(study(), winner(TEST, VALIDATION), BASELINES)
    assert lines[0] == (
        "test (n = 45): pearson 0.4600 is 0.0100 below the best baseline, ridge (gain -0.0100, 95% "
        "interval -0.0150 to -0.0050): worse. Not told apart from training mean; worse than ridge"
    )
    assert lines[1].startswith("test (n = 45): rmse 2.0000 is 0.1000 below the best baseline")
    assert ": better" in lines[1]
    assert lines[2].startswith("validation (n = 300)")
    assert lines[-1] == (
        "pearson: ahead of ridge on validation data, worse on test data: what was selected did not "
        "hold"
    )
    assert turned(study(), winner(None, VALIDATION), BASELINES) == []


def test_an_epoch_that_was_chosen_is_told() -> None:
    lines = claims(study("best"), winner(TEST, VALIDATION), BASELINES)
    assert any(
        "the fold was chosen on these same rows as well, for which no interval allows: take the "
        "test part's word" in line
        for line in lines
    )
    untested = claims(study("best"), winner(None, VALIDATION), BASELINES)
    assert any(line.endswith("allows: a test part would tell") for line in untested)
    assert not any("test part's" in line for line in untested)
    assert not any(
        "was chosen on these" in n for n in claims(study(), winner(TEST, VALIDATION), {})
    )


def test_without_an_interval_nothing_is_claimed() -> None:
    few = part(6, 4, pearson={"training mean": [0.5, None, None]})
    (line,) = claims(study(), winner(None, few), BASELINES)  # and nothing of intervals that hold
    assert line.endswith("training mean; too few rows for an interval")
    (line,) = claims(study(), winner(None, {**few, "rows": 60}), BASELINES)
    assert "n = 60 rows in 6 groups" in line and line.endswith("too few groups for an interval")
    many = part(60, 4000, pearson={"training mean": [0.5, None, None]})
    (line, *_) = claims(study(), winner(None, many), BASELINES)
    assert line.endswith("the best of 4000 configurations on these same rows, no claim")


def test_a_family_without_rows_says_what_it_said() -> None:
    plain = {"validation": {"pearson": 0.4}, "test": {}}
    (line,) = claims(study(), plain, BASELINES)
    assert "does not beat: training mean (0.4633), ridge (0.4200)" in line


@pytest.mark.parametrize(
    ("low", "high", "said"),
    [(0.1, 0.2, "better"), (-0.2, -0.1, "worse"), (-0.1, 0.1, "not told apart"),
     (0.0, 0.0, "not told apart"), (None, None, None)],
)  # fmt: skip
def test_verdicts(low: float | None, high: float | None, said: str | None) -> None:
    assert verdict(low, high) == said


def test_n_stands_beside_its_part() -> None:
    found = winner(TEST, {**VALIDATION, "groups": 120})
    assert count(found, "test") == "n = 45"
    assert count(found, "validation") == "n = 300 rows in 120 groups"
    assert count({}, "test") == ""


def test_every_baseline_has_its_line() -> None:
    lines = gains_table(winner(TEST, VALIDATION)).splitlines()
    assert lines[0] == "test, n = 45, row by row"
    (mean,) = (line for line in lines[:6] if line.startswith("  training mean"))
    words = " ".join(mean.split())
    assert "0.0100 -0.0020 to 0.0220 not told apart" in words
    assert "0.1000 0.0500 to 0.1500 better" in words
    assert any(line.startswith("validation, n = 300, row by row") for line in lines)


SHARED = "no change (by what all rows share)"


@pytest.mark.parametrize(
    ("mean", "shared"), [([0.001, -0.002, 0.004], True), ([0.01, 0.005, 0.015], False)]
)
def test_what_all_rows_share_is_no_gain_of_single_rows(
    mean: list[float | None], shared: bool
) -> None:
    """The error of one control of few cells wins over no change, and over nothing else."""
    gains: dict[str, list[float | None]] = {"no change": [0.79, 0.77, 0.81], "training mean": mean}
    found = winner(part(10, 1, pearson=gains, delta_pearson=gains), part(30, 1))
    lines = claims(study(), found, BASELINES)
    assert (SHARED in lines[0]) == shared
    assert SHARED not in lines[1]  # of which what all rows share is taken out
    assert any("noise can win it" in line for line in lines) == shared
    (row,) = (line for line in gains_table(found).splitlines() if "no change" in line)
    assert (row.count("better (by what all rows share)"), row.count("better")) == (shared, 2)


def test_names_of_baselines_are_those_of_screens() -> None:
    rows = np.arange(4)
    names = [name for name, _ in fits(simulated_screen().take(rows))]
    assert {NO_CHANGE, TRAINING_MEAN} <= set(names)
    assert set(UNCENTRED) < {metric.name for metric in METRICS}


@pytest.mark.parametrize(
    ("gain", "said"),
    [
        ([-0.01, -0.015, -0.005], "worse on test data: what was selected did not hold"),
        ([-0.01, -0.03, 0.01], "but not told apart there: which is better is open"),
        ([-0.01, None, None], "but not told apart there: which is better is open"),
    ],
)
def test_a_turn_is_worded_by_its_interval(gain: list[float | None], said: str) -> None:
    found = winner(part(45, 1, pearson={"ridge": gain}), VALIDATION)
    (line,) = turned(study(), found, BASELINES)
    assert line.startswith("pearson: ahead of ridge on validation data, ") and line.endswith(said)
    assert ("did not hold" in line) == (gain[2] is not None and gain[2] < 0)


def test_without_a_test_part_nothing_speaks_of_one() -> None:
    assert trained_words("epoch", 3, refitted=True, tested=False) == "trained again on every row"
    assert "but the test part" in trained_words("epoch", 3, refitted=True, tested=True)
    assert worth_words(winner(TEST, VALIDATION)) == "Only test figures are a claim about new data"
    assert worth_words(winner(None, VALIDATION)).startswith("There is no test part")
    assert heading(study(), winner(None, VALIDATION), "test") == "none set aside"
    assert heading(study(), winner(TEST, VALIDATION), "test") == "a claim about new data, n = 45"


def test_a_name_with_a_comma_is_quoted_in_a_sentence() -> None:
    study = StudyRecord("s", "toy", "score", "max", "epoch", 9, 4)
    baselines = {"ridge": {"score": 0.7}, "ridge, tuned": {"score": 0.8}}
    winner: dict[str, Any] = {"validation": {"score": 0.75}, "test": {}}
    (line,) = claims(study, winner, baselines)
    assert line.endswith("does not beat: 'ridge, tuned' (0.8000)")
    gains = {
        "ridge": [0.05, 0.01, 0.1],
        "ridge, tuned": [0.02, 0.01, 0.04],
        "PCA": [0.06, 0.01, 0.1],
    }
    part = {"rows": 20, "groups": 20, "tried": 1, "metrics": {"score": gains}}
    told = claims(study, winner | {"gains": {"validation": part}}, baselines)
    assert "the best baseline, 'ridge, tuned' (gain" in told[0]
    assert told[0].endswith("Better than ridge, 'ridge, tuned', PCA")
    assert turned_words({"ridge, tuned": "worse"})[0].startswith("ahead of 'ridge, tuned' on")
