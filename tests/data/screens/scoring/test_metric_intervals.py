"""Intervals of means over rows, and the squared errors of rows, by their formulas."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from distrib.data.screens.scoring.metrics import interval, summary, table


def values(seed: int = 0, rows: int = 40, kind: str = "normal") -> np.ndarray:
    rng = np.random.default_rng(seed)
    return rng.normal(2, 3, size=rows) if kind == "normal" else rng.exponential(3, size=rows)


def ends_of(repeats: int, kind: str) -> np.ndarray:
    """(repeats, 2), each of 200 values of its own and of its own draws."""
    data = [values(repeat, rows=200, kind=kind) for repeat in range(repeats)]
    return np.array([interval(found, seed=10_000 + repeat) for repeat, found in enumerate(data)])


@pytest.mark.parametrize(("kind", "mean"), [("normal", 2.0), ("exponential", 3.0)])
def test_95_of_100_intervals_hold_the_mean(kind: str, mean: float) -> None:
    """400 repeats: two standard errors are 2.2%; each side is missed about as often."""
    low, high = ends_of(400, kind).T
    assert ((low <= mean) & (mean <= high)).mean() == pytest.approx(0.95, abs=0.03)
    for missed in (low > mean, high < mean):
        assert missed.mean() == pytest.approx(0.025, abs=0.025)


def test_it_is_the_middle_of_means_drawn_one_by_one() -> None:
    found = values(rows=30)
    rng = np.random.default_rng(5)
    means = sorted(np.mean([found[row] for row in rng.integers(30, size=30)]) for _ in range(200))
    low, high = interval(found, seed=5, times=200)
    # 0.025 and 0.975 of the way from the first of 200 to the last: places 4.975 and 194.025
    assert low == pytest.approx(means[4] + 0.975 * (means[5] - means[4]))
    assert high == pytest.approx(means[194] + 0.025 * (means[195] - means[194]))


def test_many_values_agree_with_the_normal_approximation() -> None:
    found = values(rows=2000)
    half = 1.96 * found.std(ddof=1) / math.sqrt(len(found))
    expected = found.mean() - half, found.mean() + half
    np.testing.assert_allclose(interval(found, times=4000), expected, atol=half / 10)


def test_missing_values_are_left_out() -> None:
    found = values()
    holed = np.insert(found, [0, 7, 7, 40], np.nan)
    assert interval(holed) == interval(found)
    assert np.isnan(holed).sum() == 4  # nothing is changed in place


@pytest.mark.parametrize("few", [[], [1.0], [np.nan], [np.nan, 1.0, np.nan]])
def test_fewer_than_two_values_have_none(few: list[float]) -> None:
    assert all(math.isnan(end) for end in interval(np.array(few)))


def test_equal_values_have_no_width() -> None:
    assert interval(np.full(9, 0.25)) == (0.25, 0.25)


@pytest.mark.parametrize("bad", [np.inf, -np.inf])
def test_a_diverged_row_is_not_hidden(bad: float) -> None:
    found = values()
    found[3] = bad
    assert not np.isfinite(interval(found)).all()


@given(st.integers(0, 2**16), st.integers(2, 30), st.floats(0.01, 100), st.floats(-100, 100))
@settings(max_examples=40)
def test_it_moves_and_grows_with_the_values(
    seed: int, rows: int, scale: float, offset: float
) -> None:
    found = values(seed, rows)
    low, high = interval(found, seed)
    assert (low, high) == interval(found, seed)  # one seed, one interval
    rounding = 1e-12  # the mean of equal values may be off by their last digit
    assert found.min() - rounding <= low <= high <= found.max() + rounding
    moved = interval(scale * found + offset, seed)
    np.testing.assert_allclose(moved, [scale * low + offset, scale * high + offset], atol=1e-9)


def profiles(missing: float = 0.0, kind: type = np.float64) -> tuple[np.ndarray, ...]:
    rng = np.random.default_rng(1)
    targets = rng.normal(size=(9, 31)).astype(kind)
    predicted = (targets + rng.normal(size=targets.shape)).astype(kind)
    targets[rng.random(targets.shape) < missing] = np.nan
    return predicted, targets, rng.normal(size=31).astype(kind)


@pytest.mark.parametrize("kind", [np.float32, np.float64])
@pytest.mark.parametrize("missing", [0.0, 0.4])
@pytest.mark.parametrize("axis", [0, 1])
def test_mse_and_l2_by_their_formulas(axis: int, missing: float, kind: type) -> None:
    predicted, targets, reference = profiles(missing, kind)
    found = table(predicted, targets, reference, axis)
    lines = zip(predicted, targets) if axis == 1 else zip(predicted.T, targets.T)
    for i, (p, t) in enumerate(lines):
        squares = [(float(a) - float(b)) ** 2 for a, b in zip(p, t) if not math.isnan(b)]
        assert found["mse"][i] == pytest.approx(math.fsum(squares) / len(squares), rel=1e-12)
        assert found["l2"][i] == pytest.approx(math.sqrt(math.fsum(squares)), rel=1e-12)
        assert found["rmse"][i] ** 2 == pytest.approx(found["mse"][i], rel=1e-12)


def test_small_errors_of_large_numbers_are_kept() -> None:
    """The difference is taken in float64, and each number is exact in float32."""
    targets = np.full((1, 4), 2.0**20, dtype=np.float32)
    predicted = targets + np.float32(0.125)
    found = table(predicted, targets, np.zeros(4), 1)
    assert found["mse"][0] == 0.125**2 and found["l2"][0] == 0.25


def test_the_summary_takes_them_over_rows_alone() -> None:
    predicted, targets, reference = profiles(0.3)
    targets[4] = np.nan
    found = summary(predicted, targets, reference)
    rows = table(predicted, targets, reference, 1)
    assert np.isnan(rows["mse"]).tolist() == [row == 4 for row in range(9)]
    for name in ("mse", "l2"):
        assert found[name] == pytest.approx(np.nanmean(rows[name]))
        assert f"{name}_column" not in found
    assert found["mse"] != pytest.approx(found["rmse"] ** 2)  # a mean of squares, by rows
