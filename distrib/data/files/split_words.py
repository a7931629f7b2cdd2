"""A column `split` of a user's data, which says of each row what it is for."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from distrib.errors import InputError

SPLIT = "split"
"""The column's name."""

WORDS = ("train", "validation", "test")


def split_words(
    values: Sequence[object] | np.ndarray,
    *,
    file: object = None,
    place: Callable[[int], str] = lambda i: f"row {i + 1}",
) -> np.ndarray:
    """A column that says of each row what it is for, checked.

    Args:
        values: (rows,) texts. file: where they come from. place: names a row, for the error.

    Returns:
        (rows,) str, each of `WORDS`.

    Raises:
        InputError: another word, by name and row.
    """
    words = np.array([str(value) for value in values], dtype=str)
    if len(wrong := np.flatnonzero(~np.isin(words, WORDS))):
        raise InputError(
            "an unknown word for a part of the data",
            file=file,
            where=f"{place(int(wrong[0]))}, column 'split'",
            found=words[wrong[0]] or "nothing",
            expected=", ".join(WORDS),
        )
    return words
