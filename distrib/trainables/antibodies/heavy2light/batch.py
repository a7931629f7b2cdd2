"""A batch of pairs: heavy chains as the encoder reads them, light ones as the decoder says them."""

from __future__ import annotations

from typing import Any

from distrib.data.antibodies.pairs.pair_rows import PairRows
from distrib.trainables.antibodies.chains.batch import tokens_of
from distrib.trainables.antibodies.chains.causal import cells_of, row_batch


def pair_batch(rows: PairRows) -> dict[str, Any]:
    """`heavy` (B, S), `there` (B, S) bool or None where all are; `seen`, `said`, `cells` (B, T)."""
    heavy, there = tokens_of(rows.heavy)
    return {"heavy": heavy, "there": there, **row_batch(rows.light), "cells": cells_of(rows.light)}
