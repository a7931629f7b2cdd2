"""Intervals of a screen's figures against draws made one by one."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from distrib.data.screens.scoring import intervals as module
from distrib.data.screens.scoring.intervals import TIMES, intervals
from distrib.data.screens.scoring.metrics import summary
from tests.support.small_screens import ROWS, small_screen


@pytest.mark.parametrize("missing", [0.0, 0.3])
@pytest.mark.parametrize("at_once", [1, 2**22])
def test_columns_are_those_of_draws_one_by_one(
    missing: float, at_once: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = small_screen(missing=missing)
    assert data.targets is not None
    rng = np.random.default_rng(3)
    predicted = data.targets.copy()
    predicted[np.isnan(predicted)] = 0
    predicted += rng.normal(0, 8, size=predicted.shape).astype(np.float32)
    reference = rng.normal(size=data.targets.shape)
    monkeypatch.setattr(module, "NUMBERS_AT_ONCE", at_once)
    found = intervals(predicted, data, reference)
    drawn = np.random.default_rng(0).integers(ROWS, size=(TIMES, ROWS))
    one_by_one = [summary(predicted[d], data.targets[d], reference[d]) for d in drawn]
    for name in ("pearson_column", "delta_pearson_column", "rmse_column", "mae_column"):
        expected = np.quantile([values[name] for values in one_by_one], [0.025, 0.975])
        np.testing.assert_allclose(found[name], expected, rtol=1e-6, err_msg=name)
    whole = summary(predicted, data.targets, reference)
    for name, value in whole.items():
        assert found[name][0] < value < found[name][1], name


def test_a_constant_prediction_correlates_with_nothing() -> None:
    data = small_screen()
    assert data.targets is not None
    found = intervals(np.full(data.targets.shape, 3.0), data, np.zeros(data.targets.shape[1]))
    assert found["pearson_column"] == found["pearson"] == (0.0, 0.0)
    assert found["rmse_column"][0] > 0


def test_a_column_without_a_target_is_left_out() -> None:
    data = small_screen()
    assert data.targets is not None
    targets = data.targets.copy()
    targets[:, 3] = np.nan
    others = np.delete(np.arange(targets.shape[1]), 3)
    predicted = data.targets + np.float32(1)
    reference = np.zeros(targets.shape[1])
    partly = intervals(predicted, replace(data, targets=targets), reference)
    less = replace(data, targets=targets[:, others], columns=data.columns[others], responding=None)
    expected = intervals(predicted[:, others], less, reference[others])
    for name, ends in expected.items():
        assert partly[name] == pytest.approx(ends, rel=1e-9), name


def test_one_row_has_no_interval() -> None:
    data = small_screen().take(np.arange(1))
    assert data.targets is not None
    assert intervals(data.targets + 1, data, np.zeros(data.targets.shape[1])) == {}
