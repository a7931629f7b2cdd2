"""Which rows a model was trained on: kept as hashes of their ids in its state, 8 bytes a row.

Judged on such rows again, a model looks better than it is; `distrib.evaluate` says so.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from hashlib import blake2b

import numpy as np
import pandas as pd

from distrib.data.files.names import without_version
from distrib.errors import InputError
from distrib.trainables.base import Progress, State

NAME = "training_rows"
"""Of the array in a state."""

_AT_ONCE = 4096


def hashes(ids: Sequence[str] | np.ndarray) -> np.ndarray:
    """(rows,) uint64 of (rows,) ids, their Ensembl versions left aside.

    That any of a million new ids is taken for one of a million known has a probability of 5e-8.
    """
    if not isinstance(ids, np.ndarray):  # of which one of texts would lose NULs at their ends
        ids = np.asarray(ids, dtype=object)
    found = np.empty(len(ids), dtype=np.uint64)
    for first in range(0, len(ids), _AT_ONCE):  # texts of millions of ids would fill the memory
        part = ids[first : first + _AT_ONCE].tolist()
        digests = [blake2b(without_version(str(n)).encode(), digest_size=8).digest() for n in part]
        found[first : first + len(part)] = np.frombuffer(b"".join(digests), dtype="<u8")
    return found


def remember(items: Iterator[Progress], ids: np.ndarray) -> Iterator[Progress]:
    """The items of a refit, with the rows that it trains on in every state.

    A name of many rows, such as the frames of a session, is kept once.
    """
    rows = pd.unique(hashes(_runs(ids)))
    for item in items:
        yield replace(item, state=partial(_with_rows, item.state, rows))


def remember_in_models(items: Iterator[Progress], ids: np.ndarray) -> Iterator[Progress]:
    """The items of a training with validation, with these rows in the model of every unit.

    Args:
        ids: also of the rows validated on: what was selected on them looks better on them.
    """
    rows = pd.unique(hashes(_runs(ids)))
    for item in items:
        model = item.model
        yield item if model is None else replace(item, model=partial(_with_rows, model, rows))


def _runs(ids: np.ndarray) -> np.ndarray:
    """The first of each run of equal ids, such as of the frames of a session."""
    ids = np.asarray(ids)
    return ids[np.concatenate([[True], ids[1:] != ids[:-1]])[: len(ids)]]


def trained_on(state: State, ids: np.ndarray) -> np.ndarray | None:
    """(rows,) bool: which of these rows the model knows; None where its state does not say."""
    if NAME not in state.arrays:
        return None
    return np.isin(hashes(ids), state.arrays[NAME])


def known_rows(state: State, ids: np.ndarray, num_rows: int) -> np.ndarray:
    """The positions, among so many rows, of all that the model was trained on.

    Args:
        ids: (num_rows,) of each; or of what a row is made of, one after the other, such as of all
            frames of each session.

    Raises:
        InputError: its state does not say which they are, or some are missing here.
    """
    known = state.arrays.get(NAME)
    if len(ids) != num_rows:
        ids = _runs(ids)
    if known is None or not len(known) or len(ids) != num_rows:
        raise InputError("the model does not say which rows it was trained on")
    found = hashes(ids)
    if missing := int((~np.isin(known, found)).sum()):
        raise InputError(
            "these are not the data that the model was trained on",
            found=f"{missing:,} of the {len(known):,} rows that it knows are missing",
        )
    return np.flatnonzero(np.isin(found, known))


def _with_rows(take: Callable[[], State], rows: np.ndarray) -> State:
    state = take()
    return State({**state.arrays, NAME: rows}, state.values)
