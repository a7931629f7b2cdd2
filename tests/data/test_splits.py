"""Splits never part a group, and use every row once."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from distrib.data.splits import check_disjoint, fold_ids, holdout
from distrib.errors import InputError

labels = st.lists(st.integers(-3, 12), min_size=1, max_size=60).map(np.array)


@given(labels, st.floats(0, 0.95), st.integers(0, 2**31))
def test_holdout_sets_whole_groups_aside(groups: np.ndarray, fraction: float, seed: int) -> None:
    distinct = len(np.unique(groups))
    expected = max(1, round(fraction * distinct)) if fraction else 0
    if expected >= distinct:
        with pytest.raises(InputError, match="nothing would be left"):
            holdout(groups, fraction, seed)
        return
    rest, test = holdout(groups, fraction, seed)
    assert sorted([*rest, *test]) == list(range(len(groups)))
    assert (np.diff(rest) > 0).all() and (np.diff(test) > 0).all()
    assert not set(groups[rest]) & set(groups[test])
    assert len(np.unique(groups[test])) == expected
    again = holdout(groups, fraction, seed)
    np.testing.assert_array_equal(again[1], test)


@given(labels, st.integers(2, 6), st.integers(0, 2**31))
def test_folds_hold_whole_groups_and_are_balanced(groups: np.ndarray, k: int, seed: int) -> None:
    sizes = np.unique(groups, return_counts=True)[1]
    if len(sizes) < k:
        with pytest.raises(InputError, match="fewer groups than folds"):
            fold_ids(groups, k, seed)
        return
    folds = fold_ids(groups, k, seed)
    assert folds.dtype == np.int64 and folds.shape == groups.shape
    check_disjoint(groups, folds)
    rows = np.bincount(folds, minlength=k)
    assert len(rows) == k and rows.min() > 0
    # No fold exceeds another by more than one group: it would have gone to the other.
    assert rows.max() - rows.min() <= sizes.max()
    np.testing.assert_array_equal(folds, fold_ids(groups, k, seed))


def test_single_rows_are_dealt_evenly() -> None:
    assert sorted(np.bincount(fold_ids(np.arange(103), 5, seed=1))) == [20, 20, 21, 21, 21]


def test_seeds_draw_different_parts() -> None:
    groups = np.arange(200)
    tests = {tuple(holdout(groups, 0.15, seed)[1]) for seed in range(20)}
    assert len(tests) == 20
    assert len({tuple(fold_ids(groups, 5, seed)) for seed in range(20)}) == 20


def test_every_group_is_drawn_as_often() -> None:
    groups = np.repeat(np.arange(10), 3)
    drawn = np.concatenate([groups[holdout(groups, 0.2, seed)[1]] for seed in range(1000)])
    shares = np.bincount(drawn, minlength=10) / 3000
    assert np.abs(shares - 0.2).max() < 0.06  # 4.7 standard deviations of 1000 draws


@pytest.mark.parametrize("fraction", [-0.1, 1.0, 1.5, float("nan")])
def test_fractions_out_of_bounds(fraction: float) -> None:
    with pytest.raises(InputError, match="out of bounds"):
        holdout(np.arange(10), fraction, 0)


def test_one_fold_is_refused() -> None:
    with pytest.raises(InputError, match="at least two folds"):
        fold_ids(np.arange(10), 1, 0)


def test_a_group_in_two_folds_is_named() -> None:
    groups, folds = np.array([0, 1, 1, 2, 2]), np.array([0, 0, 1, 1, 0])
    names = np.array(["TP53", "IRF4", "IRF4", "MYC", "MYC"])
    with pytest.raises(InputError) as caught:
        check_disjoint(
            groups,
            folds,
            group_names=names,
            fold_names=np.array(["A", "A", "B", "B", "A"]),
            file="folds.csv",
        )
    text = str(caught.value)
    assert "folds.csv" in text and "IRF4" in text and "fold A and fold B (2 such groups" in text


def test_large_groups_are_dealt_first() -> None:
    groups = np.concatenate([np.zeros(6, dtype=int), np.arange(1, 7)])
    for seed in range(20):
        assert np.bincount(fold_ids(groups, 2, seed)).tolist() == [6, 6]
