"""Ridge regression, against scikit-learn and against leaving rows out one by one."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.linear_model import Ridge as Reference

from distrib.models.screens.ridge import PENALTIES, fit_ridge


def problem(rows: int, inputs: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    x = rng.normal(1.0, 2.0, size=(rows, inputs))
    return x, x @ rng.normal(size=(inputs, 3)) + 5 * rng.normal(size=(rows, 3)) + 7


@pytest.mark.parametrize("shape", [(40, 6), (10, 25)])
@pytest.mark.parametrize("penalty", [0.1, 10.0])
def test_equals_scikit_learn(shape: tuple[int, int], penalty: float) -> None:
    x, y = problem(*shape)
    found, expected = fit_ridge(x, y, penalty), Reference(alpha=penalty).fit(x, y)
    np.testing.assert_allclose(found.coefficients, expected.coef_.T, atol=1e-8)
    np.testing.assert_allclose(found.predict(x), expected.predict(x), atol=1e-8)


def test_chooses_the_penalty_that_predicts_left_out_rows_best() -> None:
    x, y = problem(20, 12)
    errors = []
    for penalty in PENALTIES:
        left_out = [
            y[i]
            - Reference(alpha=penalty).fit(np.delete(x, i, 0), np.delete(y, i, 0)).predict(x[[i]])
            for i in range(len(x))
        ]
        errors.append(np.square(left_out).mean())
    best = PENALTIES[int(np.argmin(errors))]
    assert PENALTIES[0] < best < PENALTIES[-1]
    assert fit_ridge(x, y).penalty == best


def test_a_missing_target_counts_as_its_columns_mean() -> None:
    x, y = problem(30, 4)
    holed = y.copy()
    holed[:10, 1] = np.nan
    filled = np.where(np.isnan(holed), np.nanmean(holed, axis=0), holed)
    np.testing.assert_allclose(
        fit_ridge(x, holed, 1.0).predict(x), Reference(alpha=1.0).fit(x, filled).predict(x)
    )


def test_a_constant_input_has_no_say() -> None:
    x, y = problem(30, 4)
    with_constant = np.column_stack([x, np.full(30, 3.0)])
    np.testing.assert_allclose(
        fit_ridge(with_constant, y).predict(with_constant), fit_ridge(x, y).predict(x), atol=1e-8
    )
