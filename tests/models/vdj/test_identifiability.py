"""What cannot be told apart, and what cannot be judged."""

from __future__ import annotations

import numpy as np
import pytest

from distrib.models.vdj.identifiability import dependent_columns, dependent_in_gram


def test_a_feature_that_is_not_finite_is_not_let_through() -> None:
    features = np.random.default_rng(0).normal(size=(5, 4, 3))
    mask = np.ones((5, 4), bool)
    flat = features.reshape(-1, 3)
    assert dependent_columns(features, mask) == dependent_in_gram(flat.T @ flat) == []
    features[2, 1, 1] = np.nan
    with pytest.raises(ValueError, match=r"not finite, at \[1\]"):
        dependent_columns(features, mask)
    with pytest.raises(ValueError, match=r"not finite, at \[1\]"):
        dependent_in_gram(np.diag([1.0, np.nan, 2.0]))
