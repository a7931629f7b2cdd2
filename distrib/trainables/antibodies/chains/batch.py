"""Chains of different lengths as rectangular arrays."""

from __future__ import annotations

import numpy as np

from distrib.data.antibodies.alphabet import CLS, PAD, SEP
from distrib.data.antibodies.chain_rows import ChainRows


def padded(rows: ChainRows, values: np.ndarray, fill: int) -> np.ndarray:
    """(rows, longest + 2) of (residues,) values, `fill` at the special tokens and behind."""
    lengths = rows.lengths
    table = np.full((len(rows), int(lengths.max(initial=0)) + 2), fill, dtype=values.dtype)
    row = np.repeat(np.arange(len(rows)), lengths)
    place = np.arange(len(values)) - np.repeat(rows.offsets[:-1], lengths)
    table[row, place + 1] = values
    return table


def tokens_of(rows: ChainRows) -> tuple[np.ndarray, np.ndarray | None]:
    """(rows, places) int64 tokens with [CLS] and [SEP], and which are there; None: all are."""
    tokens = padded(rows, rows.tokens, PAD).astype(np.int64)
    tokens[:, 0] = CLS
    tokens[np.arange(len(rows)), rows.lengths + 1] = SEP
    there = np.arange(tokens.shape[1]) < rows.lengths[:, None] + 2
    return tokens, None if there.all() else there
