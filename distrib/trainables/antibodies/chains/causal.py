"""A batch of chains as a causal model reads it: what it has seen, and what it is to say."""

from __future__ import annotations

from typing import Any

import numpy as np

from distrib.data.antibodies.alphabet import CLS, FIRST_LETTER, PAD, SEP, UNK
from distrib.data.antibodies.chain_rows import IGNORED, NO_GERMLINE, NUM_STATES, ChainRows
from distrib.data.antibodies.regions import UNTOLD
from distrib.data.antibodies.unigram import Unigram
from distrib.trainables.antibodies.chains.batch import padded, tokens_of


def row_batch(rows: ChainRows) -> dict[str, Any]:
    """A chain a row: `seen` and `said` (rows, places) int64, the latter `IGNORED` behind the end.

    `said` are residues and the end ([SEP]), of which the first follows [CLS].
    """
    tokens, _ = tokens_of(rows)
    return {"seen": _seen(tokens[:, :-1]), "said": _said(tokens[:, 1:])}


def packed_batch(rows: ChainRows, block: int) -> dict[str, Any]:
    """Chains laid end to end, [CLS] before and [SEP] behind each, in blocks of `block` tokens.

    A block may begin amid a chain, and its tokens also see the chains before them, as in the
    causal models that are trained on blocks (Radford et al. 2019).
    """
    tokens, there = tokens_of(rows)
    stream = tokens.ravel() if there is None else tokens[there]
    blocks = -(-(len(stream) - 1) // block)
    seen = np.full(blocks * block, SEP, dtype=np.int64)
    said = np.full(blocks * block, IGNORED, dtype=np.int64)
    seen[: len(stream) - 1], said[: len(stream) - 1] = stream[:-1], _said(stream[1:])
    return {"seen": seen.reshape(blocks, block), "said": said.reshape(blocks, block)}


def cells_of(rows: ChainRows) -> np.ndarray:
    """(rows, places) int64 cells of `scores` of what is said; the end is in no region."""
    kinds = padded(rows, rows.kinds, UNTOLD)[:, 1:].astype(np.int64)
    states = padded(rows, rows.states(), NO_GERMLINE)[:, 1:]
    return kinds * NUM_STATES + states


def guesses(rows: ChainRows) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """What `chains.baselines` judges frequencies by: residues and ends, all of them."""
    said = row_batch(rows)["said"]
    counted = said != IGNORED
    place = np.broadcast_to(np.arange(said.shape[1]), said.shape)[counted]
    letter = np.where(said == SEP, Unigram.END, said - FIRST_LETTER)[counted]
    return place, letter, cells_of(rows)[counted]


def _seen(tokens: np.ndarray) -> np.ndarray:
    # Behind the end nothing is said; [SEP] there, since transformers takes [PAD] for a mistake.
    return np.where(tokens == PAD, SEP, tokens)


def _said(tokens: np.ndarray) -> np.ndarray:
    none = (tokens == PAD) | (tokens == UNK) | (tokens == CLS)
    return np.where(none, IGNORED, tokens)
