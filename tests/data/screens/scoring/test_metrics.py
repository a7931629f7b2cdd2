"""Metrics of profiles, against SciPy and scikit-learn."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import pearsonr
from sklearn.metrics import mean_absolute_error, root_mean_squared_error

from distrib.data.screens.scoring.metrics import ROWS_ONLY, summary, table


def profiles(seed: int = 0, rows: int = 12, columns: int = 7) -> tuple[np.ndarray, ...]:
    rng = np.random.default_rng(seed)
    targets = rng.normal(size=(rows, columns))
    return targets + rng.normal(size=targets.shape), targets, rng.normal(size=columns)


@pytest.mark.parametrize("axis", [0, 1])
@pytest.mark.parametrize("missing", [0.0, 0.3])
def test_agrees_with_scipy_and_scikit_learn(axis: int, missing: float) -> None:
    predicted, targets, reference = profiles(rows=30, columns=20)
    targets[np.random.default_rng(1).random(targets.shape) < missing] = np.nan
    found = table(predicted, targets, reference, axis)
    mean = reference if axis == 1 else 0.0  # of a column both sides lose their own mean
    delta = predicted - mean, targets - np.nanmean(targets, axis=0)
    across = (lambda x: x) if axis == 1 else np.transpose
    for i, (p, t, dp, dt) in enumerate(zip(*map(across, (predicted, targets, *delta)))):
        there = np.isfinite(t)
        assert found["pearson"][i] == pytest.approx(pearsonr(p[there], t[there])[0])
        assert found["delta_pearson"][i] == pytest.approx(pearsonr(dp[there], dt[there])[0])
        assert found["rmse"][i] == pytest.approx(root_mean_squared_error(t[there], p[there]))
        assert found["mae"][i] == pytest.approx(mean_absolute_error(t[there], p[there]))


def test_the_summary_is_the_mean_over_rows_and_over_columns() -> None:
    predicted, targets, reference = profiles()
    found = summary(predicted, targets, reference)
    for axis, suffix in ((1, ""), (0, "_column")):
        for name, values in table(predicted, targets, reference, axis).items():
            if not (suffix and name in ROWS_ONLY):
                assert found[name + suffix] == pytest.approx(values.mean())
    assert len(found) == 10


def test_a_correlation_with_a_constant_counts_as_zero() -> None:
    predicted, targets, reference = profiles()
    predicted[0] = 0.1  # a constant whose mean is not exactly itself
    targets[1] = 3.0
    found = table(predicted.astype(np.float32), targets.astype(np.float32), reference, 1)
    assert found["pearson"][0] == found["pearson"][1] == 0
    assert summary(predicted, targets, reference)["pearson"] == pytest.approx(
        np.append(found["pearson"][2:], [0, 0]).mean(), abs=1e-6
    )


def test_the_reference_itself_has_no_delta() -> None:
    _, targets, reference = profiles()
    mean = np.broadcast_to(reference, targets.shape)
    assert summary(mean, targets, reference)["delta_pearson"] == 0


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_a_prediction_that_is_not_finite_is_not_hidden(bad: float) -> None:
    predicted, targets, reference = profiles()
    predicted[3, 2] = bad
    found = table(predicted, targets, reference, 1)
    assert all(not np.isfinite(values[3]) for values in found.values())
    assert np.isfinite(found["pearson"][:3]).all()
    assert not np.isfinite(summary(predicted, targets, reference)["pearson"])


def test_what_is_predicted_where_nothing_was_measured_does_not_matter() -> None:
    predicted, targets, reference = profiles()
    targets[3, 2] = targets[5] = np.nan
    expected = summary(predicted, targets, reference)
    predicted[3, 2] = np.nan
    predicted[5] = 1e9
    assert summary(predicted, targets, reference) == expected
    assert np.isnan(table(predicted, targets, reference, 1)["rmse"][5])


def test_one_column_has_no_correlation_along_rows() -> None:
    predicted, targets, reference = profiles(columns=1)
    found = summary(predicted, targets, reference)
    assert "pearson" not in found
    assert found["pearson_column"] == pytest.approx(pearsonr(predicted[:, 0], targets[:, 0])[0])
    assert found["rmse"] == pytest.approx(found["mae"])


@given(st.integers(0, 10_000), st.floats(0.1, 100), st.floats(-100, 100), st.sampled_from([0, 1]))
@settings(max_examples=30)
def test_pearson_ignores_scale_and_offset(
    seed: int, scale: float, offset: float, axis: int
) -> None:
    predicted, targets, reference = profiles(seed)
    before = table(predicted, targets, reference, axis)["pearson"]
    after = table(scale * predicted + offset, targets, reference, axis)["pearson"]
    np.testing.assert_allclose(after, before, atol=1e-8)
    assert (np.abs(before) <= 1 + 1e-12).all()
