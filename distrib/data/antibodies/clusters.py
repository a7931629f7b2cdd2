"""Clusters of chains: by MMseqs2, or by a column of the user's."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from distrib.data.antibodies.mmseqs import find_mmseqs
from distrib.errors import InputError


@dataclass(frozen=True)
class Clusters:
    """A grouping of rows.

    Attributes:
        of_row: (rows,) int64, a number from 0 for each cluster, in the order of their first rows.
        representatives: (clusters,) int64, a row of each.
        method: how they were made, in one line with the program's version.
    """

    of_row: np.ndarray
    representatives: np.ndarray
    method: str

    def __len__(self) -> int:
        return len(self.representatives)

    @property
    def largest(self) -> int:
        """Rows of the largest."""
        return int(np.bincount(self.of_row).max())

    def told(self) -> str:
        """Their sizes in one line."""
        rows, share = len(self.of_row), self.largest / len(self.of_row)
        return (
            f"{rows:,} rows in {len(self):,} clusters, "
            f"the largest of {self.largest:,} ({share:.1%})"
        )


def cluster_sequences(
    sequences: Sequence[str], identity: float, *, threads: int = 1, scratch: Path | None = None
) -> Clusters:
    """By linclust with the flags of antibodies (`mmseqs.LINCLUST`).

    Raises:
        InputError: as `mmseqs.find_mmseqs` and `Mmseqs.linclust`.
    """
    program = find_mmseqs()
    representative = program.linclust(sequences, identity, threads=threads, scratch=scratch)
    method = f"mmseqs linclust {program.version} ({program.origin}), identity {identity:g}"
    return _numbered(representative, method, representative)


def clusters_of_column(values: Sequence[str], file: object, column: str = "cluster") -> Clusters:
    """By a column; rows with the same value are one cluster.

    Raises:
        InputError: naming the row of an empty value.
    """
    names = np.array([value.strip() for value in values], dtype=str)
    if (empty := np.flatnonzero(names == "")).size:
        raise InputError("a row without a cluster", file=file,
                         where=f"row {empty[0] + 1}, column {column!r}")  # fmt: skip
    return _numbered(names, f"the column {column!r}")


def _numbered(
    labels: np.ndarray, method: str, representative: np.ndarray | None = None
) -> Clusters:
    distinct, first, codes = np.unique(labels, return_index=True, return_inverse=True)
    order = np.argsort(first, kind="stable")
    number = np.empty(len(distinct), dtype=np.int64)
    number[order] = np.arange(len(distinct))
    representatives = (first if representative is None else distinct)[order]
    return Clusters(number[codes], representatives.astype(np.int64), method)
