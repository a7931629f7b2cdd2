"""Which residues are to be guessed, and what stands in their place."""

from __future__ import annotations

import numpy as np
import pytest

from distrib.data.antibodies.alphabet import FIRST_LETTER, MASK
from distrib.data.antibodies.masking import (
    LONGEST_SPAN,
    MARGIN,
    Masking,
    _span_survival,
    chances,
    choose,
    corrupt,
)

ROWS, PLACES = 400, 120


def residues(seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(FIRST_LETTER, 25, (ROWS, PLACES))


def chosen(masking: Masking) -> tuple[np.ndarray, np.ndarray]:
    maskable = np.ones((ROWS, PLACES), dtype=bool)
    cdr3 = np.zeros_like(maskable)
    cdr3[:, 95:110] = True
    return choose(maskable, cdr3, chances(residues()), masking), cdr3


@pytest.mark.parametrize("share", [0.15, 0.3])
@pytest.mark.parametrize("span", [1, 3])
def test_the_share_is_kept_whatever_the_spans(share: float, span: float) -> None:
    """Within four standard errors, which spans widen; and alike at either end of a chain."""
    found, _ = chosen(Masking(share, span))
    error = np.sqrt(share * (1 - share) * span * 1.5 / (ROWS * PLACES))
    assert abs(found.mean() - share) < 4 * error
    ends = np.r_[found[:, :5].ravel(), found[:, -5:].ravel()].mean()
    assert abs(ends - share) < 4 * error * np.sqrt(PLACES / 10)


def test_spans_are_as_long_as_asked() -> None:
    """Runs are a little longer than spans, since some of them meet."""

    def mean_run(span: float) -> float:
        found, _ = chosen(Masking(0.1, span))
        starts = found & ~np.pad(found, ((0, 0), (1, 0)))[:, :-1]
        return float(found.sum() / starts.sum())

    assert mean_run(1) == pytest.approx(1 / 0.9, abs=0.03)
    assert 3.0 < mean_run(3) < 3.8


def test_residues_of_the_cdr3_are_masked_more_often_and_the_share_stays() -> None:
    found, cdr3 = chosen(Masking(0.15, 1, 3))
    assert found[cdr3].mean() / found[~cdr3].mean() == pytest.approx(3, rel=0.1)
    assert found.mean() == pytest.approx(0.15, abs=0.01)


def test_lengths_of_spans_are_geometric_and_cut_off() -> None:
    """Each length has the same ratio to the one before, and the mean is the one asked for."""
    for mean in (1.5, 3.0, 5.0):
        survival = _span_survival(mean)
        assert survival.sum() == pytest.approx(mean, rel=1e-9)
        ratios = survival[1:] / survival[:-1]
        assert ratios == pytest.approx(np.full(LONGEST_SPAN - 1, ratios[0]))
        assert survival[0] == 1.0


@pytest.mark.parametrize("weight", [0.5, 2.0])
def test_spans_and_a_weighted_cdr3_go_together(weight: float) -> None:
    """Spans reach over the borders of the CDR3, so that the rates are nearer to each other there.

    Amid the CDR3, ten residues from where it begins, the rate is the one asked for.
    """
    shape = (4000, PLACES)
    maskable, cdr3 = np.ones(shape, dtype=bool), np.zeros(shape, dtype=bool)
    cdr3[:, 80:110] = True
    tokens = np.random.default_rng(5).integers(FIRST_LETTER, 25, shape)
    found = choose(maskable, cdr3, chances(tokens), Masking(0.15, 3, weight))
    assert found.mean() == pytest.approx(0.15, rel=0.04)
    of_others = 0.15 * PLACES / (PLACES - 30 + 30 * weight)
    assert found[:, 90:110].mean() == pytest.approx(weight * of_others, rel=0.04)
    assert found[:, :79].mean() == pytest.approx(of_others, rel=0.04)


def test_unknown_residues_are_never_chosen_and_every_chain_has_one_to_guess() -> None:
    maskable = np.zeros((50, 8), dtype=bool)
    maskable[:, 2] = True
    chance = chances(residues()[:50, :8])
    for span in (1, 4):
        assert (choose(maskable, maskable, chance, Masking(0.01, span)) == maskable).all()
    assert not choose(maskable & False, maskable, chance, Masking()).any()


def test_eighty_ten_ten() -> None:
    """Of 200,000 masked residues; a random one is the true one in a twentieth of cases."""
    tokens = np.random.default_rng(2).integers(FIRST_LETTER, 25, (400, 500))
    everywhere = np.ones_like(tokens, dtype=bool)
    shown = corrupt(tokens, everywhere, chances(tokens))
    assert (shown == MASK).mean() == pytest.approx(0.8, abs=0.004)
    assert (shown == tokens).mean() == pytest.approx(0.1 + 0.1 / 20, abs=0.003)
    others = shown[(shown != MASK) & (shown != tokens)]
    assert set(others.tolist()) == set(range(FIRST_LETTER, 25))
    assert (corrupt(tokens, ~everywhere, chances(tokens)) == tokens).all()


def test_masks_follow_from_the_chain_and_the_salt_alone() -> None:
    """Not from its neighbours, its place or the padding."""
    tokens = residues(3)
    first = chances(tokens)
    again = chances(np.pad(tokens[::-1], ((0, 0), (0, 30))))
    assert (first == again[:, ::-1, : MARGIN + PLACES]).all()
    assert (first != chances(tokens, (1, 0, 5))).mean() > 0.999
    changed = tokens.copy()
    changed[:, 60] = np.where(tokens[:, 60] == 5, 6, 5)
    assert (first != chances(changed)).mean() > 0.999


def test_masks_are_as_even_as_random_ones() -> None:
    """Alike everywhere, and the four layers, rows, places and epochs independent of each other."""
    tokens = residues(3)
    first = chances(tokens)
    assert np.histogram(first, 20, (0, 1))[0].std() / (first.size / 20) < 0.02
    layers = [
        *first.reshape(4, -1),
        chances(tokens, (1, 0, 1))[0].ravel(),
        np.roll(first[0], 1, axis=1).ravel(),
        np.roll(first[0], 1, axis=0).ravel(),
    ]
    assert abs(np.corrcoef(layers)[np.triu_indices(len(layers), 1)]).max() < 0.02
