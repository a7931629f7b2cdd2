"""Which residues a masked language model has to guess (Devlin et al. 2019).

Of the residues chosen, 80% become the mask token, 10% another residue at random, 10% stay.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from distrib.data.antibodies.alphabet import FIRST_LETTER, MASK, VOCABULARY

MASKED, REPLACED = 0.8, 0.1
LONGEST_SPAN = 10
_LETTERS = len(VOCABULARY) - FIRST_LETTER
_MOST = 0.9  # of residues that a weight can ask for


@dataclass(frozen=True)
class Masking:
    """How residues are chosen.

    Attributes:
        share: of the residues of a chain, on average.
        mean_span: residues of a span; 1 chooses each for itself. Lengths are geometric, cut off at
            `LONGEST_SPAN` (Joshi et al. 2020).
        cdr3_weight: how much more often those of the CDR3 are chosen than others.
    """

    share: float = 0.15
    mean_span: float = 1.0
    cdr3_weight: float = 1.0


MARGIN = LONGEST_SPAN - 1
"""Places before a chain's first, where spans may begin that reach into it."""


def chances(tokens: np.ndarray, salt: Sequence[int] = (0,)) -> np.ndarray:
    """(4, rows, MARGIN + places) uniform numbers that follow from each row's residues and a salt.

    So the masks of a chain do not depend on what stands beside it in a batch, or on how many
    workers there are: with one salt they are the same in every epoch and trial, with the seed and
    the epoch as a salt they are another in each.

    Args:
        tokens: (rows, places), padded behind with zeros. salt: whole numbers.
    """
    start = np.random.SeedSequence(list(salt)).generate_state(1, np.uint64)[0]
    place = np.arange(MARGIN + tokens.shape[1], dtype=np.uint64) * np.uint64(0xD1342543DE82EF95)
    with np.errstate(over="ignore"):
        # Padding adds nothing to a row's number.
        letters = _mix(tokens.astype(np.uint64) + place[: tokens.shape[1]] + start)
        row = _mix(np.where(tokens > 0, letters, np.uint64(0)).sum(axis=1, dtype=np.uint64))
        layers = [
            _mix(_mix(row + np.uint64(layer) * np.uint64(0x9E3779B97F4A7C15))[:, None] + place)
            for layer in range(1, 5)
        ]
    return (np.stack(layers) >> np.uint64(11)).astype(np.float64) / 2**53


def choose(
    maskable: np.ndarray, cdr3: np.ndarray, chance: np.ndarray, masking: Masking
) -> np.ndarray:
    """(rows, places) bool: the residues to guess, at least one of each row that has any.

    Args:
        maskable: (rows, places) bool, the residues that are known. cdr3: those of the CDR3.
        chance: of `chances`.
    """
    weight = np.where(cdr3, masking.cdr3_weight, 1.0) * maskable
    total = weight.sum(axis=1, keepdims=True)
    known = maskable.sum(axis=1, keepdims=True)
    share = np.minimum(masking.share * weight * known / np.maximum(total, 1e-9), _MOST)
    own = chance[0][:, MARGIN:]
    if masking.mean_span <= 1:
        return _at_least_one(own < share, maskable, own)
    survival = _span_survival(masking.mean_span)
    # Spans begin independently, also before the first place, so that every place is covered alike:
    # with probability 1 - exp(-rate) for a rate of so many spans over it.
    rate = np.pad(-np.log1p(-share) / survival.sum(), ((0, 0), (MARGIN, 0)), mode="edge")
    begun = chance[0] < -np.expm1(-rate)
    length = np.searchsorted(-survival, -chance[1], side="right")
    chosen = np.zeros(maskable.shape, dtype=bool)
    for step in range(LONGEST_SPAN):
        first = MARGIN - step
        chosen |= (begun & (length > step))[:, first : first + maskable.shape[1]]
    return _at_least_one(chosen & maskable, maskable, own)


def corrupt(tokens: np.ndarray, chosen: np.ndarray, chance: np.ndarray) -> np.ndarray:
    """(rows, places) tokens with those chosen masked, replaced or kept, by the `chances`."""
    kind, letter = chance[2:, :, MARGIN:]
    random = FIRST_LETTER + (letter * _LETTERS).astype(tokens.dtype)
    shown = np.where(kind < MASKED, MASK, np.where(kind < MASKED + REPLACED, random, tokens))
    return np.where(chosen, shown, tokens).astype(tokens.dtype)


def _at_least_one(chosen: np.ndarray, maskable: np.ndarray, chance: np.ndarray) -> np.ndarray:
    none = np.flatnonzero(~chosen.any(axis=1) & maskable.any(axis=1))
    if len(none):
        place = np.where(maskable[none], chance[none], 2.0).argmin(axis=1)
        chosen[none, place] = True
    return chosen


def _span_survival(mean: float) -> np.ndarray:
    """(LONGEST_SPAN,) probability that a span is longer than 0, 1, 2, ...; they sum to its mean."""
    low, high = 0.0, 1.0
    powers = np.arange(LONGEST_SPAN)
    for _ in range(60):  # the mean grows with the probability of going on
        middle = (low + high) / 2
        low, high = (middle, high) if (middle**powers).sum() < mean else (low, middle)
    return low**powers


def _mix(x: np.ndarray) -> np.ndarray:
    """The finalizer of SplitMix64 (Steele et al. 2014)."""
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return x ^ (x >> np.uint64(31))
