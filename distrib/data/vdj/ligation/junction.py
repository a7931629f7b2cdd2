"""Junction data: which sequences arose from joining two trimmed gene ends, and how they could have.

A pair of genes is one choice set. Its choices are the trims of both ends and, where ligation is
modelled, the microhomology used. Several choices may give the sequence that was observed: those are
its candidates. Nothing is padded: candidates are ragged rows, and what depends on one gene alone is
kept by gene.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from distrib.data.vdj.ligation.ligation import Joints
from distrib.data.vdj.trimming.cut_features import P_NUCLEOTIDES
from distrib.data.vdj.trimming.trimming import KEPT_BASES
from distrib.data.vdj.trimming.weights import Weighting, weigh


@dataclass(frozen=True, eq=False)
class JunctionData:
    """Observed sequences of gene pairs.

    Attributes:
        left_genes, right_genes: (genes,) names.
        left_windows, right_windows: (genes, window) int8 as of `ligation.left_windows`.
        left_trims, right_trims: (trims,) int64 ascending, the windows of trims.
        left_of, right_of: (pairs,) int32, the genes of each pair.
        options, modelled: (pairs, left trims, right trims) uint16 as of `Ligations.options`: all
            ligations, and those of the productivity class that was observed.
        ligation: whether the observations tell of ligations, or of trims alone.
        row_cell: (rows,) int32, the candidate's position in a flat (pairs, left, right) array.
        row_mh: (rows,) int8, its bases of microhomology.
        row_observation: (rows,) int32 ascending: what it is a candidate of.
        observation_pair: (observations,) int32.
        subjects: (subjects,) names.
        entry_subject, entry_observation: (entries,) int32. entry_count: (entries,) float64.
        trim_types: names of both trims, such as `("v_trim", "j_trim")`.
        weighting: what counts alike, see `weights.weigh`.
        origin, notes: where it comes from, and what was left out in reading.
    """

    left_genes: np.ndarray
    right_genes: np.ndarray
    left_windows: np.ndarray
    right_windows: np.ndarray
    left_trims: np.ndarray
    right_trims: np.ndarray
    left_of: np.ndarray
    right_of: np.ndarray
    options: np.ndarray
    modelled: np.ndarray
    ligation: bool
    row_cell: np.ndarray
    row_mh: np.ndarray
    row_observation: np.ndarray
    observation_pair: np.ndarray
    subjects: np.ndarray
    entry_subject: np.ndarray
    entry_observation: np.ndarray
    entry_count: np.ndarray
    trim_types: tuple[str, str]
    weighting: Weighting
    origin: str
    notes: tuple[str, ...] = ()

    @property
    def groups(self) -> np.ndarray:
        """(pairs,) int64; pairs whose ends no feature tells apart share a group."""
        window = self.left_windows.shape[1]
        reach = self.joints.longest_trim + KEPT_BASES + P_NUCLEOTIDES
        ends = self.left_windows[:, max(window - reach, 0) :], self.right_windows[:, :reach]
        kinds = [np.unique(end, axis=0, return_inverse=True)[1].ravel() for end in ends]
        codes = kinds[0][self.left_of] * len(self.right_genes) + kinds[1][self.right_of]
        _, first, group = np.unique(codes, return_index=True, return_inverse=True)
        return np.argsort(np.argsort(first))[group.ravel()]

    @property
    def joints(self) -> Joints:
        """Where the trims cut the windows."""
        longest = int(max(self.left_trims[-1], self.right_trims[-1]))
        return Joints.of(self.left_trims, self.right_trims, longest)

    @property
    def num_sequences(self) -> float:
        """Observed sequences, counted as often as they were seen."""
        return float(self.entry_count.sum())

    def pair_names(self) -> tuple[np.ndarray, np.ndarray]:
        """(pairs,) names of the left and of the right gene."""
        return self.left_genes[self.left_of], self.right_genes[self.right_of]

    def entry_weights(self) -> np.ndarray:
        """(entries,) float64 that sum to 1, by the `weighting`."""
        pair = self.observation_pair[self.entry_observation]
        return weigh(self.entry_count, self.entry_subject, pair, self.weighting)

    def weights(self) -> np.ndarray:
        """(observations,) float64 that sum to 1, over all subjects."""
        size = len(self.observation_pair)
        return np.bincount(self.entry_observation, self.entry_weights(), size)

    def take(self, rows: np.ndarray) -> JunctionData:
        """The pairs at these positions, in their order, and what was observed of them."""
        new_pair = np.full(len(self.left_of), -1, np.int32)
        new_pair[rows] = np.arange(len(rows), dtype=np.int32)
        kept = np.flatnonzero(new_pair[self.observation_pair] >= 0)
        order = kept[np.argsort(new_pair[self.observation_pair[kept]], kind="stable")]
        new_observation = np.full(len(self.observation_pair), -1, np.int32)
        new_observation[order] = np.arange(len(order), dtype=np.int32)
        row_new = new_observation[self.row_observation]
        at = np.flatnonzero(row_new >= 0)
        at = at[np.argsort(row_new[at], kind="stable")]
        cells = self.options.shape[1] * self.options.shape[2]
        pair, cell = np.divmod(self.row_cell[at], cells)
        entries = np.flatnonzero(new_observation[self.entry_observation] >= 0)
        return replace(
            self,
            left_of=self.left_of[rows],
            right_of=self.right_of[rows],
            options=self.options[rows],
            modelled=self.modelled[rows],
            row_cell=(new_pair[pair] * cells + cell).astype(np.int32),
            row_mh=self.row_mh[at],
            row_observation=row_new[at],
            observation_pair=new_pair[self.observation_pair[order]],
            entry_subject=self.entry_subject[entries],
            entry_observation=new_observation[self.entry_observation[entries]],
            entry_count=self.entry_count[entries],
        )

    def describe(self) -> dict[str, Any]:
        """Sizes, origin, notes and a fingerprint of everything that is observed."""
        digest = hashlib.sha256("\n".join((*self.left_genes, *self.right_genes)).encode())
        for array in (self.left_windows, self.right_windows, self.left_trims, self.right_trims,
                      self.left_of, self.right_of, self.modelled, self.row_cell, self.row_mh,
                      self.row_observation, self.entry_subject, self.entry_observation,
                      self.entry_count):  # fmt: skip
            digest.update(np.ascontiguousarray(array).tobytes())
        return {
            "pairs": len(self.left_of),
            "sequences": self.num_sequences,
            "distinct": len(self.observation_pair),
            "candidates": len(self.row_cell),
            "subjects": len(self.subjects),
            "origin": self.origin,
            "notes": list(self.notes),
            "fingerprint": digest.hexdigest(),
        }
