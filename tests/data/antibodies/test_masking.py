"""Which residues are to be guessed, and what stands in their place."""

from __future__ import annotations

import numpy as np
import pytest

from distrib.data.antibodies.alphabet import FIRST_LETTER, MASK, UNK
from distrib.data.antibodies.masking import (
    Masking,
    choose,
    corrupt,
    fixed_chances,
    fixed_choice,
)

ROWS, PLACES = 400, 120


def chosen(masking: Masking, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    maskable = np.ones((ROWS, PLACES), dtype=bool)
    cdr3 = np.zeros_like(maskable)
    cdr3[:, 95:110] = True
    return choose(maskable, cdr3, masking, np.random.default_rng(seed)), cdr3


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


def test_unknown_residues_are_never_chosen_and_every_chain_has_one_to_guess() -> None:
    maskable = np.zeros((50, 8), dtype=bool)
    maskable[:, 2] = True
    for span in (1, 4):
        found = choose(maskable, maskable, Masking(0.01, span), np.random.default_rng(1))
        assert (found == maskable).all()
    assert not choose(np.zeros((2, 5), bool), np.zeros((2, 5), bool), Masking(),
                      np.random.default_rng(1)).any()  # fmt: skip


def test_eighty_ten_ten() -> None:
    """Of 100,000 masked residues; a random one is the true one in a twentieth of cases."""
    rng = np.random.default_rng(2)
    tokens = rng.integers(FIRST_LETTER, 25, (200, 500))
    everywhere = np.ones_like(tokens, dtype=bool)
    kind, letter = rng.random((2, *tokens.shape))
    shown = corrupt(tokens, everywhere, kind, letter)
    assert (shown == MASK).mean() == pytest.approx(0.8, abs=0.005)
    assert (shown == tokens).mean() == pytest.approx(0.1 + 0.1 / 20, abs=0.004)
    others = shown[(shown != MASK) & (shown != tokens)]
    assert set(others.tolist()) == set(range(FIRST_LETTER, 25))
    nowhere = corrupt(tokens, ~everywhere, kind, letter)
    assert (nowhere == tokens).all()


def test_fixed_masks_follow_from_the_chain_alone() -> None:
    """Not from its neighbours, its place or the padding; and they are as even as random ones."""
    rng = np.random.default_rng(3)
    tokens = rng.integers(FIRST_LETTER, 25, (ROWS, PLACES))
    first = fixed_chances(tokens, 3)
    padded = np.pad(tokens[::-1], ((0, 0), (0, 30)))
    again = fixed_chances(padded, 3)
    assert (first == again[:, ::-1, :PLACES]).all()
    found = fixed_choice(tokens > UNK, first[0])
    assert found.mean() == pytest.approx(0.15, abs=0.006)
    assert abs(np.corrcoef(first.reshape(3, -1))[np.triu_indices(3, 1)]).max() < 0.02
    assert np.histogram(first, 20, (0, 1))[0].std() / (first.size / 20) < 0.02
    changed = tokens.copy()
    changed[:, 60] = np.where(tokens[:, 60] == 5, 6, 5)
    other = fixed_choice(changed > UNK, fixed_chances(changed, 1)[0])
    assert (other != found).any(axis=1).mean() > 0.99
