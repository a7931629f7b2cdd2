"""Intervals of differences row by row: their formula, draws one by one, and how often they hold."""

from __future__ import annotations

import math

import numpy as np
import pytest

from distrib.claims import LEAST, verdict
from distrib.data import paired
from distrib.data.paired import critical_value, gains, mean_difference


def spread(rows: int = 40, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(0.3, 1.0, size=rows)


def by_hand(values: np.ndarray, groups: np.ndarray, seed: int = 0) -> float:
    """The critical value of models (K, rows), a draw of whole groups at a time."""
    names = np.unique(groups)
    members = [np.flatnonzero(groups == name) for name in names]

    def mean_and_error(drawn: list[np.ndarray], row: np.ndarray) -> tuple[float, float]:
        parts = [row[rows][np.isfinite(row[rows])] for rows in drawn]
        count = sum(len(part) for part in parts)
        mean = sum(part.sum() for part in parts) / count
        residuals = [part.sum() - mean * len(part) for part in parts]
        n = len(drawn)
        return mean, math.sqrt(n / (n - 1) * math.fsum(r * r for r in residuals)) / count

    found = []
    rng = np.random.default_rng(seed)
    drawn_groups = rng.integers(len(names), size=(paired.TIMES, len(names)))
    whole = [mean_and_error(members, row)[0] for row in values]
    for draw in drawn_groups:
        drawn = [members[g] for g in draw]
        again = [mean_and_error(drawn, row) for row in values]
        found.append(max(abs(m - w) / e for (m, e), w in zip(again, whole)))
    return sorted(found)[math.ceil(0.95 * (paired.TIMES - 1))]


@pytest.mark.parametrize("models", [1, 3])
def test_it_is_that_of_draws_one_by_one(models: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(paired, "TIMES", 150)
    monkeypatch.setattr(paired, "NUMBERS_AT_ONCE", 400)  # so that it is done in pieces
    rng = np.random.default_rng(1)
    values = rng.normal(size=(models, 25))
    values[-1, 3] = np.nan
    groups = rng.integers(10, size=25)
    assert critical_value(values, groups) == pytest.approx(by_hand(values, groups), abs=1e-10)


def test_without_groups_it_is_the_mean_and_students_error() -> None:
    values = spread()
    found = mean_difference(values, np.arange(40))
    assert found.value == pytest.approx(values.mean())
    error = values.std(ddof=1) / math.sqrt(40)
    assert found.low is not None and found.high is not None
    reach = critical_value(values[None], np.arange(40)) * error
    assert (found.low, found.high) == pytest.approx((values.mean() - reach, values.mean() + reach))
    assert 1.9 * error < reach < 2.3 * error  # Student's t has 2.02


@pytest.mark.parametrize("rows", [LEAST, 20, 75])
@pytest.mark.parametrize("kind", ["normal", "exponential"])
def test_95_of_100_intervals_hold_the_mean(rows: int, kind: str) -> None:
    """300 repeats: two standard errors are 2.5%; few values of a skewed kind are the hardest."""
    held = 0
    for repeat in range(300):
        rng = np.random.default_rng(repeat)
        drawn = rng.normal(size=rows) if kind == "normal" else rng.exponential(size=rows) - 1
        found = mean_difference(drawn, np.arange(rows), seed=repeat)
        assert found.low is not None and found.high is not None
        held += found.low <= 0 <= found.high
    least = 0.87 if kind == "exponential" and rows == LEAST else 0.92
    assert least <= held / 300 <= 0.985


def test_the_best_of_many_without_a_gain_is_seldom_better() -> None:
    """20 models of pure noise on 30 rows, the best taken: 300 times, at most 5% and two errors."""
    naive, allowed = 0, 0
    for repeat in range(300):
        values = np.random.default_rng(repeat).normal(size=(20, 30))
        best = values[int(values.mean(axis=1).argmax())]
        rows = np.arange(30)
        for_it = mean_difference(best, rows, seed=repeat)
        for_all = mean_difference(best, rows, list(values), seed=repeat)
        naive += verdict(for_it.low, for_it.high) == "better"
        allowed += verdict(for_all.low, for_all.high) == "better"
    assert naive / 300 > 0.3  # what it is for
    assert allowed / 300 <= 0.075


def test_equal_models_cost_nothing_and_unknown_ones_do() -> None:
    values, rows = spread(), np.arange(40)
    alone = mean_difference(values, rows)
    assert mean_difference(values, rows, [values] * 9) == alone
    more = mean_difference(values, rows, unknown=9)
    assert more.low is not None and alone.low is not None and more.low < alone.low
    assert mean_difference(values, rows, unknown=10_000).low is None


def test_rows_of_a_group_are_one_observation() -> None:
    values = spread(12)
    once = mean_difference(values, np.arange(12))
    thrice = mean_difference(np.repeat(values, 3), np.repeat(np.arange(12), 3))
    assert (thrice.low, thrice.high) == pytest.approx((once.low, once.high))
    assert (thrice.rows, thrice.groups) == (36, 12)


@pytest.mark.parametrize(("rows", "groups"), [(7, 7), (30, 7)])
def test_few_rows_or_groups_have_no_interval(rows: int, groups: int) -> None:
    found = mean_difference(spread(rows), np.arange(rows) % groups)
    assert (found.low, found.high) == (None, None)
    assert verdict(found.low, found.high) is None
    assert np.isfinite(found.value)


def test_missing_rows_have_no_part() -> None:
    values = spread()
    holed = np.insert(values, [0, 11, 40], np.nan)
    groups = np.insert(np.arange(40), [0, 11, 40], [90, 91, 92])
    found = mean_difference(holed, groups)
    assert found.value == pytest.approx(values.mean())
    assert (found.rows, found.groups) == (40, 40)


def test_gains_count_what_is_better_and_no_rounding() -> None:
    a, b = np.array([0.5, 1.0, 2.0]), np.array([0.4, 1.0 + 1e-8, 3.0])
    assert gains(a, b, "max").tolist() == pytest.approx([0.1, 0.0, -1.0])
    assert gains(a, b, "min").tolist() == pytest.approx([-0.1, 0.0, 1.0])
    equal = mean_difference(np.zeros(20), np.arange(20))
    assert (equal.low, equal.high) == (0.0, 0.0)
    assert verdict(equal.low, equal.high) == "not told apart"
