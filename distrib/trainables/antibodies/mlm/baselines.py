"""What frequencies of residues reach on the very residues that the network has to guess."""

from __future__ import annotations

import numpy as np

from distrib.data.antibodies.alphabet import FIRST_LETTER
from distrib.data.antibodies.chain_rows import ChainRows
from distrib.data.antibodies.unigram import Unigram
from distrib.trainables.antibodies.chains.scores import figures, sums_of
from distrib.trainables.antibodies.mlm.batch import validation_batch

_ROWS = 1024

NAMES = {"unigram": False, "position-wise unigram": True}


def unigram_figures(train: ChainRows, judged: ChainRows) -> dict[str, dict[str, float]]:
    """Name -> every metric, of frequencies in `train`, on the masked residues of `judged`."""
    counted = Unigram.of(train)
    found = {}
    for name, by_place in NAMES.items():
        total: dict[str, np.ndarray] = {}
        for first in range(0, len(judged), _ROWS):
            rows = judged.take(np.arange(first, min(first + _ROWS, len(judged))))
            batch = validation_batch(rows)
            place = batch["where"] % batch["tokens"].shape[1] - 1  # [CLS] stands before
            chances = counted.probabilities(place, by_place=by_place)
            letter = batch["targets"] - FIRST_LETTER
            nats = -np.log(chances[np.arange(len(letter)), letter])
            sums = sums_of(nats, chances.argmax(axis=1) == letter, batch["cells"])
            total = {key: total.get(key, 0) + value for key, value in sums.items()}
        found[name] = figures(total)
    return found
