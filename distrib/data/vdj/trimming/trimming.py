"""Trimming data: how often each gene end is trimmed by how much, with the sequence of that end.

The default is exact: the marginals P(gene) P(trim | gene) of an OLGA model, restricted to a window
of trims. One gene is one choice set of the conditional logit model; the trims are its choices.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from distrib.data.vdj.germline.olga import Side, model_name, read_model
from distrib.data.vdj.trimming.weights import Weighting, weigh
from distrib.errors import InputError

BASES = "ACGT"
KEPT_BASES = 10  # how far features look into the part that is kept


@dataclass(frozen=True, eq=False)
class TrimmingData:
    """Trimming of one kind of gene end.

    Attributes:
        genes: (genes,) names.
        ends: (genes, trim_max + 10) int8, the last bases of each gene on the strand being trimmed,
            5'->3', as positions in "ACGT". No feature looks further.
        trims: (trims,) int64, ascending: the window. Negative are P-nucleotides kept.
        weights: (genes, trims) float64, counts or probabilities, not normalised; None where
            nothing was observed.
        gene_end: "v" or "j".
        origin: where it comes from, for the record.
        notes: what was left out in reading, for the reader.
        counts: (subjects, genes, trims) float64, the sequences that the weights are made of; None
            where subjects are not told apart.
        weighting: what counts alike in the weights, see `weights.weigh`.
    """

    genes: np.ndarray
    ends: np.ndarray
    trims: np.ndarray
    weights: np.ndarray | None
    gene_end: Side
    origin: str
    notes: tuple[str, ...] = ()
    counts: np.ndarray | None = None
    weighting: Weighting = "pooled"

    @property
    def num_sequences(self) -> float | None:
        """How many sequences were counted; None where the weights are frequencies, or none."""
        if self.counts is not None:
            return float(self.counts.sum())
        if self.weights is None or not np.array_equal(self.weights, self.weights.round()):
            return None
        return float(self.weights.sum())

    @property
    def groups(self) -> np.ndarray:
        """(genes,) int64; genes whose `ends` agree, which no feature tells apart, share a group.

        With trims up to 14 these are the allele groups of Russell et al. (eLife 2023): genes with
        the same last 24 bases. Numbered in order of appearance.
        """
        _, first, group = np.unique(self.ends, axis=0, return_index=True, return_inverse=True)
        return np.argsort(np.argsort(first))[group.ravel()]

    def take(self, rows: np.ndarray) -> TrimmingData:
        """The genes at these positions, in their order."""
        return replace(
            self,
            genes=self.genes[rows],
            ends=self.ends[rows],
            weights=None if self.weights is None else self.weights[rows],
            counts=None if self.counts is None else self.counts[:, rows],
        )

    def describe(self) -> dict[str, Any]:
        """Sizes, origin, notes and a fingerprint of genes, ends, trims and weights."""
        digest = hashlib.sha256(self.gene_end.encode())
        digest.update("\n".join(self.genes).encode())
        for array in (self.ends, self.trims, self.weights):
            digest.update(b"" if array is None else np.ascontiguousarray(array).tobytes())
        return {
            "origin": self.origin,
            "gene_end": self.gene_end,
            "genes": len(self.genes),
            "groups": len(np.unique(self.groups)),
            "trims": [int(self.trims[0]), int(self.trims[-1])],
            "total": None if self.weights is None else float(self.weights.sum()),
            "notes": list(self.notes),
            "fingerprint": digest.hexdigest()[:16],
        }


def weights_of(counts: np.ndarray, weighting: Weighting) -> np.ndarray:
    """(subjects, genes, trims) what such counts weigh, scaled to their sum."""
    at = np.nonzero(counts)
    weights = np.zeros(counts.shape)
    weights[at] = weigh(counts[at], at[0], at[1], weighting) * counts.sum()
    return weights


def encode_ends(sequences: Sequence[str], trim_max: int) -> np.ndarray:
    """(genes, trim_max + 10) int8: the last bases of upper-case ACGT sequences, as 0 to 3."""
    bases = trim_max + KEPT_BASES
    table = np.full(128, -1, np.int8)
    table[[ord(base) for base in BASES]] = range(4)
    letters = "".join(sequence[-bases:] for sequence in sequences).encode()
    return table[np.frombuffer(letters, np.uint8)].reshape(len(sequences), bases)


def olga_trimming(
    chain: str = "TRB",
    species: str = "human",
    gene_end: Side = "v",
    trim_min: int = 2,
    trim_max: int = 14,
) -> TrimmingData:
    """The marginals of an OLGA model: weights P(gene) P(trim | gene), renormalised in the window.

    Genes without probability in the window are left out (they are never chosen).

    Raises:
        InputError: for an unknown chain, or a window beyond what the model knows.
    """
    name = model_name(chain, species)
    end = read_model(name).gene_end(gene_end)
    if trim_max > end.trims[-1]:
        raise InputError(
            f"OLGA's model {name} ends before the window does",
            where="trim_max",
            found=trim_max,
            expected=f"at most {end.trims[-1]}",
        )
    window = (end.trims >= trim_min) & (end.trims <= trim_max)
    joint = end.usage[:, None] * end.probabilities[:, window]
    used = np.flatnonzero(joint.sum(axis=1) > 0)
    return TrimmingData(
        genes=np.array([end.genes[i] for i in used]),
        ends=encode_ends([end.sequences[i] for i in used], trim_max),
        trims=end.trims[window],
        weights=joint[used] / joint.sum(),
        gene_end=gene_end,
        origin=f"OLGA {name}",
    )
