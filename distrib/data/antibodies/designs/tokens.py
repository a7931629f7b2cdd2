"""The vocabulary of the generator: special tokens, then the letters in alphabetical order.

A source is START antigen END, a target START heavy [SEP light] END.
"""

from __future__ import annotations

import numpy as np

from distrib.data.antibodies.alphabet import FIRST_LETTER, LETTERS

PAD, START, END, UNK, SEP = range(5)
NUM_TOKENS = FIRST_LETTER + len(LETTERS)
"""25; the letters have the same numbers as in `alphabet.VOCABULARY`."""

_TOKEN = np.full(256, UNK, dtype=np.uint8)
_TOKEN[np.frombuffer(LETTERS.encode(), np.uint8)] = np.arange(FIRST_LETTER, NUM_TOKENS)
_TEXT = np.frombuffer(f"???X|{LETTERS}".encode(), np.uint8)


def tokens_of(sequence: str) -> np.ndarray:
    """(residues,) uint8; letters outside the twenty are UNK."""
    return _TOKEN[np.frombuffer(sequence.encode("latin-1", "replace"), np.uint8)]


def text_of(tokens: np.ndarray) -> str:
    """The text of (tokens,): the chains parted by |, UNK as X, PAD, START and END as ?."""
    return _TEXT[tokens].tobytes().decode()
