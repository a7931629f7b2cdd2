"""A screen: what is known of each perturbation, and what was measured of it in every gene.

Rows are perturbations (or gene ends, conditions, compounds), columns what is measured (genes). All
families that predict responses read the same screen, so that their figures can be compared.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from typing import Any

import numpy as np


@dataclass(frozen=True, eq=False)
class Screen:
    """Inputs and targets by row, and what is known of the columns.

    Attributes:
        ids: (rows,) str.
        inputs: (rows, d) float32, finite: embeddings; d is 0 where only sequences are known.
        targets: (rows, G) float32, NaN = not measured; None where loaded without.
        columns: (G,) str, names of the targets.
        groups: (rows,) int64; rows of one group belong together.
        folds: (rows,) int64, the user's own folds, numbered from 0 in the order of their labels;
            after `take`, some may be empty. None: to be dealt.
        gene_inputs: (G, e) float32, finite: embeddings of the columns. None: unknown.
        sequences: (rows,) bytes, upper-case nucleotides. None: unknown.
        responding: (rows, G) bool, which targets are known to respond. None: unknown.
        halves: (2, rows, G) float32, the same measured by two halves of the replicates, NaN where
            there are no two. None: unknown.
        weights: (rows,) float64, how much a row rests upon, such as its number of cells: how much
            it counts in training, where a configuration asks for that. None: unknown.
        notes: what the reader of the files had to understand, for the user to see.
    """

    ids: np.ndarray
    inputs: np.ndarray
    targets: np.ndarray | None
    columns: np.ndarray
    groups: np.ndarray
    folds: np.ndarray | None = None
    gene_inputs: np.ndarray | None = None
    sequences: np.ndarray | None = None
    responding: np.ndarray | None = None
    halves: np.ndarray | None = None
    weights: np.ndarray | None = None
    notes: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.ids)

    def take(self, rows: np.ndarray) -> Screen:
        """The part with these rows, (n,) integer positions, in their order."""

        def part(array: np.ndarray | None) -> np.ndarray | None:
            return None if array is None else array[rows]

        return replace(
            self,
            ids=self.ids[rows],
            inputs=self.inputs[rows],
            targets=part(self.targets),
            groups=self.groups[rows],
            folds=part(self.folds),
            sequences=part(self.sequences),
            responding=part(self.responding),
            halves=None if self.halves is None else self.halves[:, rows],
            weights=part(self.weights),
        )

    def describe(self) -> dict[str, Any]:
        """Sizes, share of missing targets, notes and a fingerprint, as plain values."""
        known = {
            "gene_inputs": None if self.gene_inputs is None else self.gene_inputs.shape[1],
            "sequences": None if self.sequences is None else self.sequences.dtype.itemsize,
        }
        return {
            "rows": len(self),
            "inputs": self.inputs.shape[1],
            "targets": len(self.columns),
            "groups": len(np.unique(self.groups)),
            "folds": None if self.folds is None else len(np.unique(self.folds)),
            "missing_targets": None
            if self.targets is None
            else float(np.isnan(self.targets).mean()),
            **{name: size for name, size in known.items() if size is not None},
            "notes": list(self.notes),
            "fingerprint": self.fingerprint(),
        }

    def fingerprint(self) -> str:
        """SHA-256 of the content, as hexadecimal digits; the arrays are not copied."""
        digest = hashlib.sha256()
        for names in (self.ids, self.columns):
            digest.update("\n".join(names.tolist()).encode() + b"\0")
        for array in (self.inputs, self.targets, self.groups, self.folds):
            _add(digest, array)
        for name in ("gene_inputs", "sequences", "responding", "halves", "weights"):
            array = getattr(self, name)
            if array is not None:  # what a screen lacks leaves it as it was before there was such
                digest.update(name.encode())
                _add(digest, array)
        return digest.hexdigest()


def _add(digest: Any, array: np.ndarray | None) -> None:
    if array is None:
        digest.update(b"none")
    else:
        digest.update(f"{array.dtype.str}{array.shape}".encode())
        digest.update(np.ascontiguousarray(array).data)
