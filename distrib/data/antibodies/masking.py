"""Which residues a masked language model has to guess (Devlin et al. 2019).

Of the residues chosen, 80% become the mask token, 10% another residue at random, 10% stay.
"""

from __future__ import annotations

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


def choose(
    maskable: np.ndarray, cdr3: np.ndarray, masking: Masking, rng: np.random.Generator
) -> np.ndarray:
    """(rows, places) bool: the residues to guess, at least one of each row that has any.

    Args:
        maskable: (rows, places) bool, the residues that are known. cdr3: those of the CDR3.
    """
    weight = np.where(cdr3, masking.cdr3_weight, 1.0) * maskable
    total = weight.sum(axis=1, keepdims=True)
    per_row = maskable.sum(axis=1, keepdims=True)
    share = np.minimum(masking.share * weight * per_row / np.maximum(total, 1e-9), _MOST)
    if masking.mean_span <= 1:
        chance = rng.random(maskable.shape)
        return _at_least_one(chance < share, maskable, chance)
    survival = _span_survival(masking.mean_span)
    # Spans begin independently, also before the first place, so that every place is covered alike:
    # with probability 1 - exp(-rate) for a rate of so many spans over it.
    rate = -np.log1p(-share) / survival.sum()
    begins = np.pad(rate, ((0, 0), (len(survival) - 1, 0)), mode="edge")
    chance = rng.random(begins.shape)
    started = chance < -np.expm1(-begins)
    length = np.searchsorted(-survival, -rng.random(begins.shape), side="right")
    chosen = np.zeros(maskable.shape, dtype=bool)
    places = maskable.shape[1]
    for step in range(len(survival)):
        first = len(survival) - 1 - step
        chosen |= (started & (length > step))[:, first : first + places]
    return _at_least_one(chosen & maskable, maskable, chance[:, len(survival) - 1 :])


def corrupt(
    tokens: np.ndarray, chosen: np.ndarray, kind: np.ndarray, letter: np.ndarray
) -> np.ndarray:
    """(rows, places) tokens with those chosen masked, replaced or kept.

    Args:
        kind, letter: (rows, places) uniform numbers that decide so.
    """
    random = FIRST_LETTER + (letter * _LETTERS).astype(tokens.dtype)
    shown = np.where(kind < MASKED, MASK, np.where(kind < MASKED + REPLACED, random, tokens))
    return np.where(chosen, shown, tokens).astype(tokens.dtype)


def fixed_chances(tokens: np.ndarray, count: int) -> np.ndarray:
    """(count, rows, places) uniform numbers that follow from each row's own residues.

    So the masks of a chain are the same in every epoch, trial and batch, whatever stands beside it.

    Args:
        tokens: (rows, places), padded behind with zeros.
    """
    row = np.zeros(len(tokens), dtype=np.uint64)
    with np.errstate(over="ignore"):
        for place in range(tokens.shape[1]):  # padding leaves a row's number as it is
            column = tokens[:, place].astype(np.uint64)
            row = np.where(column > 0, _mix(row * np.uint64(31) + column), row)
        places = np.arange(tokens.shape[1], dtype=np.uint64)
        layers = []
        for layer in range(count):
            number = row[:, None] + np.uint64(1 + layer) * np.uint64(0x9E3779B97F4A7C15)
            layers.append(_mix(_mix(number) + places * np.uint64(0xD1342543DE82EF95)))
    return (np.stack(layers) >> np.uint64(11)).astype(np.float64) / 2**53


def fixed_choice(maskable: np.ndarray, chance: np.ndarray, share: float = 0.15) -> np.ndarray:
    """(rows, places) bool as `choose` by `fixed_chances`: each residue for itself, all alike."""
    return _at_least_one(maskable & (chance < share), maskable, chance)


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
