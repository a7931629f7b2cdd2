"""What chains share in words of three residues: how like two are, without aligning them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from scipy import sparse

from distrib.data.antibodies.alphabet import FIRST_LETTER, VOCABULARY, encode

LENGTH = 3
_LETTERS = len(VOCABULARY) - FIRST_LETTER
_ROWS = 2048


def words_of(sequences: Sequence[str]) -> Any:
    """(rows, words) sparse float32: 1 for each word that a chain has, once or more often.

    Words with a letter outside the twenty are left out.
    """
    tokens, at = encode(sequences)
    letters = tokens.astype(np.int64) - FIRST_LETTER
    row = np.repeat(np.arange(len(sequences)), np.diff(at))
    last = max(len(letters) - LENGTH + 1, 0)
    number = np.zeros(last, dtype=np.int64)
    whole = row[:last] == row[len(row) - last :]
    for k in range(LENGTH):
        part = letters[k : k + last]
        number = number * _LETTERS + part
        whole &= part >= 0
    keys = np.unique(row[:last][whole] * _LETTERS**LENGTH + number[whole])
    places = (keys // _LETTERS**LENGTH, keys % _LETTERS**LENGTH)
    shape = (len(sequences), _LETTERS**LENGTH)
    return sparse.csr_matrix((np.ones(len(keys), np.float32), places), shape=shape)


def most_alike(queries: Any, known: Any) -> np.ndarray:
    """(queries,) int64, of each the row of `known` by the greatest share of words in common.

    The share is of the words of either (Jaccard 1901); of equal ones it is the first row.

    Args:
        queries, known: of `words_of`.
    """
    sizes = np.asarray(known.sum(axis=1)).ravel()
    found = []
    for first in range(0, queries.shape[0], _ROWS):
        part = queries[first : first + _ROWS]
        common = (part @ known.T).toarray()
        either = np.asarray(part.sum(axis=1)) + sizes - common
        found.append((common / np.maximum(either, 1)).argmax(axis=1))
    return np.concatenate([*found, np.empty(0, np.int64)])
