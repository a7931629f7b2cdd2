"""Light chains beside the true ones: how like they are, and whether of the same germline."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from distrib.data.antibodies.alignment import compare_all
from distrib.data.antibodies.germlines import nearest_v
from distrib.data.antibodies.pairs.pair_rows import PairRows, texts_of
from distrib.data.antibodies.words import most_alike, words_of

_SEED = 7


def looked_at(data: PairRows, samples: int) -> PairRows:
    """The pairs whose light chains are drawn: the same in every epoch and trial."""
    return data.take(np.random.default_rng(_SEED).permutation(len(data))[:samples])


def compared(light: Sequence[str], pairs: PairRows) -> dict[str, np.ndarray]:
    """(rows,) of each figure of light chains beside those of `pairs`.

    `blosum`, `similarity`, `unaligned_similarity` of `data.antibodies.alignment`; whether kappa or
    lambda is right (`locus_agreement`), and whether the V gene is (`v_gene_agreement`), both by the
    germline gene that a chain is nearest to.
    """
    found = compare_all(light, texts_of(pairs.light))
    genes = nearest_v(light).genes
    locus = np.array([a[:3] == b[:3] for a, b in zip(genes.tolist(), pairs.genes.tolist())])
    found["locus_agreement"] = locus.astype(float)
    found["v_gene_agreement"] = (genes == pairs.genes).astype(float)
    return found


def baseline_light(train: PairRows, pairs: PairRows) -> dict[str, list[str]]:
    """Name -> a light chain of training pairs for each of `pairs`, chosen without a network."""
    light = texts_of(train.light)
    random = np.random.default_rng(_SEED).integers(len(train), size=len(pairs))
    nearest = most_alike(words_of(texts_of(pairs.heavy)), words_of(texts_of(train.heavy)))
    return {
        "random light chain": [light[row] for row in random.tolist()],
        "nearest heavy chain's light chain": [light[row] for row in nearest.tolist()],
    }
