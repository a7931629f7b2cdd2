"""Clusters of chains: by MMseqs2, or by a column of the user's."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from distrib.data.antibodies.mmseqs import LINCLUST, Workflow, find_mmseqs
from distrib.data.files.ids import Ids
from distrib.data.files.labels import check_labels


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
    sequences: Sequence[str],
    identity: float,
    *,
    threads: int = 1,
    scratch: Path | None = None,
    arguments: Sequence[str] = LINCLUST,
    workflow: Workflow = "linclust",
) -> Clusters:
    """By MMseqs2, with the flags of antibodies unless others are given.

    Raises:
        InputError: as `mmseqs.find_mmseqs` and `Mmseqs.linclust`.
    """
    program = find_mmseqs()
    representative = program.linclust(
        sequences,
        identity,
        threads=threads,
        scratch=scratch,
        arguments=arguments,
        workflow=workflow,
    )
    method = f"mmseqs {workflow} {program.version} ({program.origin}), identity {identity:g}"
    return numbered(representative, method, representative)


def clusters_of_column(cells: Sequence[object], ids: Ids, column: str = "cluster") -> Clusters:
    """By a column; rows with the same value are one cluster.

    Raises:
        InputError: naming the row of an empty value.
    """
    return numbered(check_labels(cells, ids, column), f"the column {column!r}")


def numbered(labels: np.ndarray, method: str, representative: np.ndarray | None = None) -> Clusters:
    """Clusters of equal labels, numbered in the order of their first rows.

    Args:
        labels: (rows,) of anything that sorts. representative: (rows,) the row that stands for each
            row's cluster; None: its first.
    """
    distinct, first, codes = np.unique(labels, return_index=True, return_inverse=True)
    order = np.argsort(first, kind="stable")
    number = np.empty(len(distinct), dtype=np.int64)
    number[order] = np.arange(len(distinct))
    representatives = (first if representative is None else distinct)[order]
    return Clusters(number[codes], representatives.astype(np.int64), method)
