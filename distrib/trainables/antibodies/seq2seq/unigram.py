"""What is reached without a network: how often a residue is at its place in its chain."""

from __future__ import annotations

import math

import numpy as np

from distrib.data.antibodies.designs.record_rows import CDRH3, LIGHT, RecordRows
from distrib.data.antibodies.designs.tokens import NUM_TOKENS
from distrib.data.antibodies.unigram import frequencies


def unigram_figures(train: RecordRows, test: RecordRows) -> dict[str, float]:
    """Losses in nats on the tokens of `test`; counted as if each token was seen once more."""
    seen, light = _places(train)
    places = max(int(seen.max(initial=0)), int(_places(test)[0].max(initial=0))) + 1
    flat = (light * places + seen) * NUM_TOKENS + train.antibodies
    counts = np.bincount(flat, minlength=2 * places * NUM_TOKENS).reshape(2, places, NUM_TOKENS)
    table = frequencies(counts)[1]
    at, chain = _places(test)
    nats = -np.log(table[chain, at, test.antibodies])
    loss = float(nats.mean())
    found = {"loss": loss, "perplexity": math.exp(loss)}
    found["heavy_loss"] = float(nats[test.parts <= CDRH3].mean())
    if (test.parts == CDRH3).any():
        found["cdrh3_loss"] = float(nats[test.parts == CDRH3].mean())
    if (test.parts == LIGHT).any():
        found["light_loss"] = float(nats[test.parts == LIGHT].mean())
    return found


def _places(rows: RecordRows) -> tuple[np.ndarray, np.ndarray]:
    """(tokens,) place of each token in its chain, and whether it is of the light one."""
    lengths = np.diff(rows.targets)
    place = np.arange(len(rows.antibodies)) - np.repeat(rows.targets[:-1], lengths)
    light = rows.parts == LIGHT
    row = np.repeat(np.arange(len(rows)), lengths)
    first = np.full(len(rows), len(rows.antibodies))
    np.minimum.at(first, row[light], place[light])
    behind = place >= first[row]  # the end of a pair belongs to its light chain
    return np.where(behind, place - first[row], place), behind.astype(np.int64)
