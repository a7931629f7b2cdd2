"""What frequencies of residues reach on the very tokens that a network has to guess."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from distrib.data.antibodies.chain_rows import ChainRows
from distrib.data.antibodies.unigram import Unigram
from distrib.trainables.antibodies.chains.scores import figures, sums_of

_ROWS = 1024

NAMES = {"unigram": False, "position-wise unigram": True}

Guesses = Callable[[ChainRows], tuple[np.ndarray, np.ndarray, np.ndarray]]
"""Of chains, for each token to guess: (n,) its place in the chain, its number among the letters
(`Unigram.END` for the end), and its cell of `scores`."""


def unigram_figures(
    train: ChainRows, judged: ChainRows, guesses: Guesses, *, end: bool = False
) -> dict[str, dict[str, float]]:
    """Name -> every metric, of frequencies in `train`, on what is guessed of `judged`.

    Args:
        end: whether the end of a chain is a token like any other.
    """
    counted = Unigram.of(train, end=end)
    found = {}
    for name, by_place in NAMES.items():
        total: dict[str, np.ndarray] = {}
        for first in range(0, len(judged), _ROWS):
            rows = judged.take(np.arange(first, min(first + _ROWS, len(judged))))
            place, letter, cells = guesses(rows)
            chances = counted.probabilities(place, by_place=by_place)
            nats = -np.log(chances[np.arange(len(letter)), letter])
            sums = sums_of(nats, chances.argmax(axis=1) == letter, cells)
            total = {key: total.get(key, 0) + value for key, value in sums.items()}
        found[name] = figures(total)
    return found


def baseline_figures(
    train: ChainRows,
    held_out: ChainRows,
    whole: ChainRows,
    test: ChainRows | None,
    guesses: Guesses,
    *,
    end: bool = False,
) -> dict[str, dict[str, float]]:
    """On the rows held out, by those trained on; and of the test part, by all others."""
    found = unigram_figures(train, held_out, guesses, end=end)
    if test is not None:
        for name, values in unigram_figures(whole, test, guesses, end=end).items():
            found[name] |= {f"test/{key}": value for key, value in values.items()}
    return found
