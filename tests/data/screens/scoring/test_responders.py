"""AUROC and AUPRC of responding genes, against scikit-learn and pairs counted one by one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import average_precision_score, roc_auc_score

from distrib.data.screens.scoring.responders import auprc, auroc
from distrib.data.screens.scoring.scores import row_table, scores
from tests.support.small_screens import small_screen

Figure = Callable[..., Any]
BOTH = [(auroc, roc_auc_score), (auprc, average_precision_score)]


def case(
    seed: int, rows: int = 6, genes: int = 40, kinds: int = 9, share: float = 0.3
) -> tuple[np.ndarray, np.ndarray]:
    """Scores of few kinds, so that many tie, and responders; each row has both classes."""
    rng = np.random.default_rng(seed)
    responding = rng.random((rows, genes)) < share
    responding[:, 0], responding[:, 1] = True, False
    return rng.integers(0, kinds, size=(rows, genes)) / 7 + responding * 0.25, responding


@pytest.mark.parametrize(("figure", "reference"), BOTH)
@pytest.mark.parametrize("kinds", [1, 2, 5, 10**6])
@pytest.mark.parametrize("share", [0.02, 0.5, 0.98])
def test_agrees_with_scikit_learn(
    figure: Figure, reference: Figure, kinds: int, share: float
) -> None:
    scored, responding = case(1, rows=20, genes=60, kinds=kinds, share=share)
    expected = [reference(r, s) for r, s in zip(responding, scored)]
    np.testing.assert_allclose(figure(scored, responding), expected, rtol=1e-12)


def test_auroc_is_the_share_of_pairs_in_order() -> None:
    scored, responding = case(2)
    for value, s, r in zip(auroc(scored, responding), scored, responding):
        above = s[r][:, None] - s[~r][None]
        assert value == pytest.approx(((above > 0) + (above == 0) / 2).mean())


def test_auprc_is_the_mean_precision_at_the_responding_genes() -> None:
    scored, responding = case(3)
    for value, s, r in zip(auprc(scored, responding), scored, responding):
        assert value == pytest.approx(np.mean([r[s >= score].mean() for score in s[r]]))


@given(st.integers(0, 2**16), st.integers(2, 12), st.integers(1, 6))
def test_neither_the_order_of_genes_nor_the_scale_matters(
    seed: int, genes: int, kinds: int
) -> None:
    scored, responding = case(seed, genes=genes, kinds=kinds)
    order = np.random.default_rng(seed).permutation(genes)
    for figure in (auroc, auprc):
        value = figure(scored, responding)
        assert ((value >= 0) & (value <= 1)).all()
        np.testing.assert_allclose(figure(scored[:, order], responding[:, order]), value)
        np.testing.assert_allclose(figure(np.exp(scored) * 3, responding), value)
    np.testing.assert_allclose(auroc(-scored, responding), 1 - auroc(scored, responding))


def test_the_best_and_the_worst_order() -> None:
    responding = np.array([[False, True, False, True, False]])
    best = responding + np.arange(5) / 10
    assert auroc(best, responding) == auprc(best, responding) == 1
    assert auroc(-best, responding) == 0
    assert auprc(-best, responding) == pytest.approx((1 / 4 + 2 / 5) / 2)


def test_equal_scores_tell_nothing() -> None:
    responding = np.array([[True, False, False, True, False, False, False, False]])
    assert auroc(np.zeros((1, 8)), responding) == 0.5
    assert auprc(np.zeros((1, 8)), responding) == 0.25


def test_rows_without_both_classes_have_no_auroc() -> None:
    scored, responding = case(4)
    responding[1], responding[3] = True, False
    found, precision = auroc(scored, responding), auprc(scored, responding)
    assert np.isnan(found).tolist() == [False, True, False, True, False, False]
    assert np.isnan(precision).tolist() == [False, False, False, True, False, False]
    assert precision[1] == 1
    others = [0, 2, 4, 5]
    np.testing.assert_array_equal(found[others], auroc(scored[others], responding[others]))


@pytest.mark.parametrize("figure", [auroc, auprc])
@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_a_score_that_is_not_finite_is_not_hidden(figure: Figure, bad: float) -> None:
    scored, responding = case(5)
    expected = figure(scored, responding)
    scored[2, 7] = bad
    found = figure(scored, responding)
    assert np.isnan(found).tolist() == [False, False, True, False, False, False]
    np.testing.assert_array_equal(np.delete(found, 2), np.delete(expected, 2))


@pytest.mark.parametrize("kind", [np.float16, np.float32, np.int64])
@pytest.mark.parametrize("classes", [bool, np.int8, np.uint8])
def test_the_kind_of_numbers_does_not_matter(kind: type, classes: type) -> None:
    rng = np.random.default_rng(6)
    scored, responding = rng.integers(0, 9, size=(3, 300)), rng.random((3, 300)) < 0.7
    for figure in (auroc, auprc):
        np.testing.assert_allclose(
            figure(scored.astype(kind), responding.astype(classes)), figure(scored, responding)
        )


def test_as_many_genes_as_a_genome_has() -> None:
    scored, responding = case(7, rows=2, genes=60_000, kinds=10**6, share=0.5)
    for figure, reference in BOTH:
        expected = [reference(r, s) for r, s in zip(responding, scored)]
        np.testing.assert_allclose(figure(scored, responding), expected, rtol=1e-10)


def test_the_figures_of_a_screen_go_by_size_over_rows_with_both_classes() -> None:
    screen = small_screen(missing=0.2)
    assert screen.responding is not None
    responding = screen.responding.astype(bool)
    responding[4], responding[9] = True, False
    screen = replace(screen, responding=responding)
    predicted = np.random.default_rng(0).normal(size=responding.shape)
    rows = row_table(predicted, screen, np.zeros(responding.shape[1]))
    found = scores(predicted, screen, np.zeros(responding.shape[1]))
    judged = responding.any(axis=1) & ~responding.all(axis=1)
    assert not judged[[4, 9]].any()
    for name, (_, reference) in zip(("auroc", "auprc"), BOTH):
        expected = [reference(r, np.abs(p)) for r, p in zip(responding[judged], predicted[judged])]
        np.testing.assert_allclose(rows[name][judged], expected)
        assert found[name] == pytest.approx(np.mean(expected))


def test_a_screen_without_known_responders_has_no_such_figures() -> None:
    screen = replace(small_screen(), responding=None)
    assert screen.targets is not None
    zero = np.zeros(screen.targets.shape)
    assert not {"auroc", "auprc"} & {*scores(zero, screen, zero), *row_table(zero, screen, zero)}
    one_class = replace(screen, responding=np.ones(zero.shape, dtype=bool))
    assert not {"auroc", "auprc"} & set(scores(zero, one_class, zero))
