"""The germline V gene that a chain is nearest to, among those of OLGA's human tables.

The nearest is the gene of whose words of three residues the chain has the greatest share; of genes
that are alike in this it is the first by name. No alignment is made: what is asked is the locus,
the family and the gene, of chains whose germline nobody has annotated.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np

from distrib.data.antibodies.recombine import recombiner, translate
from distrib.data.antibodies.simulate import HEAVY, LIGHT, heads_of
from distrib.data.antibodies.words import words_of

_ROWS = 4096


@dataclass(frozen=True)
class NearestV:
    """Of each chain the nearest V gene.

    Attributes:
        genes: (rows,) str such as IGKV1-39, alleles left aside. loci: (rows,) str, IGH, IGK or IGL.
        heavy, light: (rows,) float64, the share of words of the nearest gene of IGH, and of the
            nearest of IGK and IGL.
    """

    genes: np.ndarray
    loci: np.ndarray
    heavy: np.ndarray
    light: np.ndarray

    @property
    def families(self) -> np.ndarray:
        """(rows,) str such as IGKV1."""
        return families_of(self.genes)


def families_of(genes: np.ndarray) -> np.ndarray:
    """(rows,) str such as IGKV1, of genes or alleles such as IGKV1D-39*01."""
    return np.array([name.split("-")[0].split("*")[0].removesuffix("D") for name in genes.tolist()],
                    dtype=str)  # fmt: skip


def nearest_v(sequences: Sequence[str]) -> NearestV:
    """Of chains of amino acids, heavy and light.

    Raises:
        InputError: OLGA is not installed.
    """
    known = _germlines()
    genes, heavy, light = [], [], []
    is_heavy = known.loci == HEAVY
    for first in range(0, len(sequences), _ROWS):
        shared = (words_of(sequences[first : first + _ROWS]) @ known.words.T).toarray()
        shares = shared / known.sizes
        genes.append(shares.argmax(axis=1))
        heavy.append(shares[:, is_heavy].max(axis=1))
        light.append(shares[:, ~is_heavy].max(axis=1))
    place = np.concatenate([*genes, np.empty(0, np.int64)]).astype(np.int64)
    return NearestV(
        known.genes[place],
        known.loci[place],
        np.concatenate([*heavy, np.empty(0)]),
        np.concatenate([*light, np.empty(0)]),
    )


@dataclass(frozen=True)
class _Germlines:
    genes: np.ndarray
    loci: np.ndarray
    words: Any
    sizes: np.ndarray


@cache
def _germlines() -> _Germlines:
    """V genes that can be part of a chain, up to the cysteine before the CDR3."""
    found: list[tuple[str, str, str]] = []
    for locus in (HEAVY, *LIGHT):
        model = recombiner(locus, "human")
        pool = heads_of(model)
        letters = translate(pool.codes).tobytes().decode()
        for i, gene in enumerate(model.v):
            first, length = int(pool.first[i]) // 3, int(pool.lengths[i]) // 3
            if model.whole_v[i]:
                found.append((gene.name.split("*")[0], locus, letters[first : first + length]))
    found.sort()
    words = words_of([sequence for *_, sequence in found])
    return _Germlines(
        np.array([gene for gene, *_ in found], dtype=str),
        np.array([locus for _, locus, _ in found], dtype=str),
        words,
        np.asarray(words.sum(axis=1)).ravel(),
    )
