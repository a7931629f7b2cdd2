"""The default data of the MLP head: trimming profiles of gene ends, by their last nucleotides.

Every V gene's 3' end and every J gene's 5' end (on the other strand) of OLGA's ten models.
"""

from __future__ import annotations

import numpy as np

from distrib.data.screens.screen import Screen
from distrib.data.vdj.germline.olga import MODELS, Side, read_model

LENGTH = 24
TRIMS = np.arange(-2, 15)
MIN_MASS = 0.2

_BASES = np.frombuffer(b"ACGT", dtype=np.uint8)
_SIDES: tuple[tuple[Side, str], ...] = (("v", "V"), ("j", "J"))


def gene_end_profiles() -> Screen:
    """849 gene ends, 601 distinct by sequence.

    Kept are ends of at least 24 nucleotides, the last 24 of them all A, C, G or T, with more than
    0.2 of their probability on trims -2 to 14. Genes that a model never trims have none there, so
    that no other filter on their use is needed.

    Returns:
        ids such as `human_T_beta|V|TRBV19*01`; inputs (849, 96), the one-hot of the last 24
        nucleotides, position by position; targets (849, 17), P(trim | gene) over trims -2 to 14,
        renormalised, columns `trim_-2` to `trim_14`; a group for each distinct end; these as
        sequences.

    Raises:
        InputError: where the `olga` package is not installed.
    """
    ids, ends, profiles = [], [], []
    for model in MODELS:
        content = read_model(model)
        for side, label in _SIDES:
            end = content.gene_end(side)
            window = end.probabilities[:, np.isin(end.trims, TRIMS)]
            for gene, sequence, row in zip(end.genes, end.sequences, window):
                tail = sequence[-LENGTH:]
                if len(tail) == LENGTH and set(tail) <= set("ACGT") and row.sum() > MIN_MASS:
                    ids.append(f"{model}|{label}|{gene}")
                    ends.append(tail)
                    profiles.append(row / row.sum())
    return Screen(
        ids=np.array(ids),
        inputs=one_hot(ends),
        targets=np.array(profiles, dtype=np.float32),
        columns=np.array([f"trim_{trim}" for trim in TRIMS]),
        groups=np.unique(ends, return_inverse=True)[1].astype(np.int64),
        sequences=np.array(ends, dtype=bytes),
    )


def one_hot(sequences: list[str]) -> np.ndarray:
    """(sequences, 4 * length) float32 of sequences of one length: A, C, G, T at each position."""
    letters = np.frombuffer("".join(sequences).encode(), dtype=np.uint8).reshape(len(sequences), -1)
    return (letters[:, :, None] == _BASES).astype(np.float32).reshape(len(sequences), -1)
