"""Chains of different lengths as rectangular arrays."""

from __future__ import annotations

import numpy as np

from distrib.data.antibodies.alphabet import CLS, PAD, SEP
from distrib.data.antibodies.chain_rows import ChainRows


def padded(rows: ChainRows, values: np.ndarray, fill: int) -> np.ndarray:
    """(rows, longest + 2) of (residues,) values, `fill` at the special tokens and behind."""
    return _padded(values, rows.offsets, fill)


def tokens_of(rows: ChainRows) -> tuple[np.ndarray, np.ndarray | None]:
    """(rows, places) int64 tokens with [CLS] and [SEP], and which are there; None: all are."""
    return framed(rows.tokens, rows.offsets)


def framed(tokens: np.ndarray, offsets: np.ndarray) -> tuple[np.ndarray, np.ndarray | None]:
    """The same of (residues,) tokens, of which row i has those from offset i to the next."""
    lengths = np.diff(offsets)
    table = _padded(tokens, offsets, PAD).astype(np.int64)
    table[:, 0] = CLS
    table[np.arange(len(lengths)), lengths + 1] = SEP
    there = np.arange(table.shape[1]) < lengths[:, None] + 2
    return table, None if there.all() else there


def _padded(values: np.ndarray, offsets: np.ndarray, fill: int) -> np.ndarray:
    lengths = np.diff(offsets)
    table = np.full((len(lengths), int(lengths.max(initial=0)) + 2), fill, dtype=values.dtype)
    row = np.repeat(np.arange(len(lengths)), lengths)
    place = np.arange(len(values)) - np.repeat(offsets[:-1], lengths)
    table[row, place + 1] = values
    return table
