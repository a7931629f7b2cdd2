"""A batch of chains: padded, masked, with what is to be guessed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from distrib.data.antibodies.alphabet import CLS, FIRST_LETTER, PAD, SEP
from distrib.data.antibodies.chain_rows import ChainRows
from distrib.data.antibodies.masking import Masking, chances, choose, corrupt
from distrib.data.antibodies.regions import CDR3, UNTOLD
from distrib.trainables.antibodies.mlm.scores import NUM_STATES

_STANDARD = Masking()


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


def training_batch(rows: ChainRows, masking: Masking, salt: Sequence[int]) -> dict[str, Any]:
    """`tokens`, `there`, `where` (flat places to guess) and their `targets`.

    Args:
        salt: the seed and the epoch: chains are masked anew in each.
    """
    return _masked(rows, masking, salt)


def validation_batch(rows: ChainRows) -> dict[str, Any]:
    """Masked as the chains themselves say, whatever the trial; with the `cells` of `scores`."""
    batch = _masked(rows, _STANDARD, (0,))
    kinds = padded(rows, rows.kinds, UNTOLD).ravel()[batch["where"]].astype(np.int64)
    states = padded(rows, rows.states(), 0).ravel()[batch["where"]]
    return {**batch, "cells": kinds * NUM_STATES + states}


def _masked(rows: ChainRows, masking: Masking, salt: Sequence[int]) -> dict[str, Any]:
    tokens, there = tokens_of(rows)
    maskable = tokens >= FIRST_LETTER
    chance = chances(np.where(maskable, tokens, 0), salt)
    chosen = choose(maskable, padded(rows, rows.kinds, UNTOLD) == CDR3, chance, masking)
    where = np.flatnonzero(chosen)
    shown = corrupt(tokens, chosen, chance)
    return {"tokens": shown, "there": there, "where": where, "targets": tokens.ravel()[where]}
