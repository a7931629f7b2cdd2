"""A batch of chains: padded, masked, with what is to be guessed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from distrib.data.antibodies.alphabet import FIRST_LETTER
from distrib.data.antibodies.chain_rows import NUM_STATES, ChainRows
from distrib.data.antibodies.masking import Masking, chances, choose, corrupt
from distrib.data.antibodies.regions import CDR3, UNTOLD
from distrib.trainables.antibodies.chains.batch import padded, tokens_of

_STANDARD = Masking()


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


def guesses(rows: ChainRows) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """What `chains.baselines` judges frequencies by: the very residues that are masked."""
    batch = validation_batch(rows)
    place = batch["where"] % batch["tokens"].shape[1] - 1  # [CLS] stands before
    return place, batch["targets"] - FIRST_LETTER, batch["cells"]


def _masked(rows: ChainRows, masking: Masking, salt: Sequence[int]) -> dict[str, Any]:
    tokens, there = tokens_of(rows)
    maskable = tokens >= FIRST_LETTER
    chance = chances(np.where(maskable, tokens, 0), salt)
    chosen = choose(maskable, padded(rows, rows.kinds, UNTOLD) == CDR3, chance, masking)
    where = np.flatnonzero(chosen)
    shown = corrupt(tokens, chosen, chance)
    return {"tokens": shown, "there": there, "where": where, "targets": tokens.ravel()[where]}
