"""What is reached without a network: how often a residue is, at all and at its place."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from distrib.data.antibodies.alphabet import FIRST_LETTER, VOCABULARY
from distrib.data.antibodies.chain_rows import ChainRows

_LETTERS = len(VOCABULARY) - FIRST_LETTER


def frequencies(counts: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(letters,) probabilities in all of (..., letters) counts, and (..., letters) by their place.

    As if every letter was seen once more in all, and at each place one more, spread as in all.
    """
    letters = counts.shape[-1]
    overall = (counts.reshape(-1, letters).sum(axis=0) + 1) / (counts.sum() + letters)
    return overall, (counts + overall) / (counts.sum(axis=-1, keepdims=True) + 1)


@dataclass(frozen=True)
class Unigram:
    """Frequencies of residues, and of ends where these are counted too, as a letter more.

    Attributes:
        overall: (letters,) probabilities. by_place: (places, letters) by the place counted from the
            first residue of a chain, as if one more was seen there, spread as in all places.
    """

    END: ClassVar[int] = _LETTERS
    """The number of the end among the letters."""

    overall: np.ndarray
    by_place: np.ndarray

    @staticmethod
    def of(rows: ChainRows, *, end: bool = False) -> Unigram:
        """Counted in chains, of which each has an end behind its last residue."""
        place = np.arange(len(rows.tokens)) - np.repeat(rows.offsets[:-1], rows.lengths)
        known = rows.tokens >= FIRST_LETTER
        place, letter = place[known], rows.tokens[known].astype(np.int64) - FIRST_LETTER
        letters, places = _LETTERS, int(rows.lengths.max(initial=1))
        if end:
            letters, places = letters + 1, places + 1
            place = np.r_[place, rows.lengths]
            letter = np.r_[letter, np.full(len(rows), Unigram.END)]
        counts = np.bincount(place * letters + letter, minlength=places * letters)
        table = counts.reshape(places, letters)
        return Unigram(*frequencies(table))

    def probabilities(self, place: np.ndarray, *, by_place: bool) -> np.ndarray:
        """(n, letters) of residues at these places; beyond the longest chain counted, as in all."""
        if not by_place:
            return np.broadcast_to(self.overall, (len(place), len(self.overall)))
        inside = place < len(self.by_place)
        found = self.by_place[np.where(inside, place, 0)]
        return np.where(inside[:, None], found, self.overall)
