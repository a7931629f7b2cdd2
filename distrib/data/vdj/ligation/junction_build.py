"""From prepared counts to junction data: ligations are enumerated, observations find candidates."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd

from distrib.data.vdj.germline.parameter_groups import Group
from distrib.data.vdj.ligation.frames import CodingGenes, FrameRule, is_productive
from distrib.data.vdj.ligation.junction import JunctionData
from distrib.data.vdj.ligation.ligation import (
    MOST_MH,
    Joints,
    Ligations,
    enumerate_ligations,
    find_sequences,
    left_windows,
    right_windows,
)
from distrib.data.vdj.prepare.prepared import Gene, Prepared, counts_of
from distrib.data.vdj.trimming.cut_features import P_NUCLEOTIDES
from distrib.data.vdj.trimming.weights import Weighting
from distrib.errors import InputError

Annotations = Literal["known", "all"]


@dataclass(frozen=True)
class Pairs:
    """Genes that were observed together.

    Attributes:
        left, right: the genes of each side. left_of, right_of: (pairs,) positions among them.
        left_windows, right_windows: (genes, window) int8 as of `ligation.left_windows`.
        trims: (trims,) of both ends. joints: where they cut the windows.
    """

    left: list[Gene]
    right: list[Gene]
    left_of: np.ndarray
    right_of: np.ndarray
    left_windows: np.ndarray
    right_windows: np.ndarray
    trims: np.ndarray
    joints: Joints

    @classmethod
    def of(
        cls,
        left: list[Gene],
        right: list[Gene],
        left_of: np.ndarray,
        right_of: np.ndarray,
        trims: np.ndarray,
    ) -> Pairs:
        longest = int(trims[-1])
        return cls(
            left,
            right,
            left_of,
            right_of,
            left_windows([gene.sequence for gene in left], longest),
            right_windows([gene.sequence for gene in right], longest),
            trims,
            Joints.of(trims, trims, longest),
        )

    def ligations(self) -> Ligations:
        """Every ligation of every pair."""
        return enumerate_ligations(
            self.left_windows, self.right_windows, self.left_of, self.right_of, self.joints
        )


def build_junctions(
    prepared: Prepared,
    annotations: Annotations = "all",
    *,
    subject: str | None = None,
    weighting: Weighting = "pooled",
    frame_rule: FrameRule = "anchors",
    origin: str = "",
) -> JunctionData:
    """Junction data of prepared counts; only pairs that were observed have a choice set.

    Args:
        annotations: `all`: whatever gives an observed sequence is its candidate; `known`: the
            counts tell the microhomology of each ligation. Without a meaning where the group is of
            trims alone.
        subject: one subject's counts alone. weighting: see `weights.weigh`.
        frame_rule: see `frames.is_productive`.

    Raises:
        InputError: groups of one end; counts that do not tell ligations where they are to be known;
            a subject that is not there; nothing left of the class that is modelled.
    """
    group = prepared.group
    counts = counts_of(prepared, subject, origin)
    known = group.ligation and annotations == "known"
    _require(group, counts, known, origin)
    pairs, pair = find_pairs(prepared, counts)
    ligations = pairs.ligations()
    modelled = modelled_options(ligations, pairs, group, frame_rule, origin)
    lt, rt = (counts[name].to_numpy(np.int64) for name in (group.left_trim, group.right_trim))
    mh = counts["ligation_mh"].to_numpy(np.int64) if "ligation_mh" in counts else np.zeros_like(lt)
    if group.ligation and not known:
        target = find_sequences(
            ligations, pairs.left_windows, pairs.right_windows, pairs.left_of, pairs.right_of,
            pairs.joints, pair, lt, rt, mh,
        )  # fmt: skip
    else:
        target = _find_exact(ligations, pairs.trims, pair, lt, rt, mh if known else None)
    cell, row_mh, row_target = _candidates(ligations, modelled, group.ligation, known)
    count = counts["count"].to_numpy(float)
    explained = np.isin(target, row_target)
    notes = [*prepared.notes, *_tell_dropped(count, target, explained, group)]
    if not count[explained].sum() > 0:
        raise InputError(
            f"nothing is left of what the group {group.name} models",
            file=origin,
            found="; ".join(notes) or "no counts",
        )
    seen, entry_observation = np.unique(target[explained], return_inverse=True)
    rows = np.flatnonzero(np.isin(row_target, seen))
    rows = rows[np.argsort(row_target[rows], kind="stable")]
    row_observation = np.searchsorted(seen, row_target[rows])
    _, first = np.unique(row_observation, return_index=True)
    subjects, entry_subject = np.unique(
        counts["subject"].to_numpy(str)[explained], return_inverse=True
    )
    return JunctionData(
        left_genes=np.array([gene.name for gene in pairs.left]),
        right_genes=np.array([gene.name for gene in pairs.right]),
        left_windows=pairs.left_windows,
        right_windows=pairs.right_windows,
        left_trims=pairs.trims,
        right_trims=pairs.trims,
        left_of=pairs.left_of.astype(np.int32),
        right_of=pairs.right_of.astype(np.int32),
        options=ligations.options,
        modelled=modelled,
        ligation=group.ligation,
        row_cell=cell[rows].astype(np.int32),
        row_mh=row_mh[rows],
        row_observation=row_observation.astype(np.int32),
        observation_pair=(cell[rows][first] // len(pairs.trims) ** 2).astype(np.int32),
        subjects=subjects,
        entry_subject=entry_subject.astype(np.int32),
        entry_observation=entry_observation.astype(np.int32),
        entry_count=count[explained],
        trim_types=(str(group.left_trim), str(group.right_trim)),
        weighting=weighting,
        origin=origin,
        notes=tuple(notes),
    )


def find_pairs(prepared: Prepared, counts: pd.DataFrame) -> tuple[Pairs, np.ndarray]:
    """The pairs in the counts, sorted by name, and (counts,) the pair of each row."""
    group = prepared.group
    names = [counts[column].to_numpy(str) for column in (group.left_gene, group.right_gene)]
    used = [np.unique(column, return_inverse=True) for column in names]
    (left, left_of), (right, right_of) = used
    codes, pair = np.unique(left_of * len(right) + right_of, return_inverse=True)
    trims = np.arange(prepared.trims[0], prepared.trims[1] + 1)
    of_left, of_right = np.divmod(codes, len(right))
    genes = [[prepared.genes[name] for name in side.tolist()] for side in (left, right)]
    return Pairs.of(genes[0], genes[1], of_left, of_right, trims), pair


def modelled_options(
    ligations: Ligations, pairs: Pairs, group: Group, frame_rule: FrameRule, origin: str = ""
) -> np.ndarray:
    """(pairs, left trims, right trims) uint16: the ligations of the class that was observed.

    Only a V ligated to a J decides by itself whether it is productive. Next to a D the rest of the
    rearrangement decides: its counts are of one class already, and any ligation can belong to it.

    Raises:
        InputError: a gene without a conserved codon, where one is needed.
    """
    decided = group.ligation and (group.left, group.right) == ("v", "j")
    if not decided or group.productivity == "both":
        return ligations.options
    for gene in (*pairs.left, *pairs.right):
        if gene.anchor is None:
            raise InputError(
                "without its conserved codon the frame of a gene is not known",
                file=origin,
                where=f"gene {gene.name}",
                expected="an anchor: where the codon of Cys (V) or Phe/Trp (J) begins",
            )
    v, j = _coding(pairs.left, "left"), _coding(pairs.right, "right")
    first = ligations.first
    pair = ligations.pair[first]
    left, right = pairs.left_of[pair], pairs.right_of[pair]
    kept = v.lengths[left] - P_NUCLEOTIDES - pairs.trims[ligations.left[first]]
    resumes = pairs.trims[ligations.right[first]] + P_NUCLEOTIDES + ligations.mh[first]
    productive = is_productive(v, j, left, right, kept, resumes, frame_rule)
    wanted = productive if group.productivity == "productive" else ~productive
    rows = np.flatnonzero(wanted[ligations.sequence])
    bits = np.zeros(ligations.options.size, np.int64)
    cell = _cell(ligations)[rows]
    for m in range(MOST_MH + 1):
        bits[cell[ligations.mh[rows] == m]] |= 1 << m
    return bits.astype(np.uint16).reshape(ligations.options.shape)


def _coding(genes: list[Gene], side: Literal["left", "right"]) -> CodingGenes:
    return CodingGenes.of([g.sequence for g in genes], [g.anchor or 0 for g in genes], side)


def _cell(ligations: Ligations) -> np.ndarray:
    """(rows,) int64 position of each ligation in a flat (pairs, left trims, right trims) array."""
    _, num_left, num_right = ligations.options.shape
    pair = ligations.pair.astype(np.int64)
    return (pair * num_left + ligations.left) * num_right + ligations.right


def _candidates(
    ligations: Ligations, modelled: np.ndarray, ligation: bool, known: bool
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(candidates,) their cells, their microhomology, and what observing them is called."""
    if not ligation:
        cell = np.flatnonzero(ligations.options)
        return cell, np.zeros(len(cell), np.int8), cell
    cell = _cell(ligations)
    rows = np.flatnonzero(modelled.ravel()[cell].astype(np.int64) >> ligations.mh & 1)
    names = rows if known else ligations.sequence[rows]
    return cell[rows], ligations.mh[rows], names


def _find_exact(
    ligations: Ligations,
    trims: np.ndarray,
    pair: np.ndarray,
    left_trim: np.ndarray,
    right_trim: np.ndarray,
    mh: np.ndarray | None,
) -> np.ndarray:
    """(n,) the cell of both trims, or with `mh` the row of that very ligation; -1 outside."""
    a, b = left_trim - trims[0], right_trim - trims[0]
    inside = (a >= 0) & (a < len(trims)) & (b >= 0) & (b < len(trims))
    cell = (pair * len(trims) + np.where(inside, a, 0)) * len(trims) + np.where(inside, b, 0)
    if mh is None:
        return np.where(inside, cell, -1)
    keys = _cell(ligations) * (MOST_MH + 1) + ligations.mh
    wanted = cell * (MOST_MH + 1) + np.clip(mh, 0, MOST_MH)
    place = np.minimum(np.searchsorted(keys, wanted), len(keys) - 1)
    inside &= (keys[place] == wanted) & (mh >= 0) & (mh <= MOST_MH)
    return np.where(inside, place, -1)


def _require(group: Group, counts: pd.DataFrame, known: bool, origin: str) -> None:
    if group.left is None or group.right is None:
        raise InputError(
            "these data are of one gene end",
            file=origin,
            where=f"group {group.name}",
            expected="a group of two gene ends, such as nonproductive_v-j_trim_ligation-mh",
            hint="one end has the space `trimming`",
        )
    if not len(counts):
        raise InputError("there are no counts", file=origin)
    if known and "ligation_mh" not in counts.columns:
        raise InputError(
            "the counts do not tell how sequences were ligated",
            file=origin,
            where="column 'ligation_mh'",
            hint="the space `trimming_ligation_em` weighs what is possible",
        )


def _tell_dropped(
    count: np.ndarray, target: np.ndarray, explained: np.ndarray, group: Group
) -> list[str]:
    """What was observed and has no candidate, by reason, with how many of all."""
    outside = target < 0
    what = "that no considered annotation gives" if group.ligation else "trimmed beyond the window"
    notes = []
    for rows, reason in ((outside, what), (~outside & ~explained, f"not {group.productivity}")):
        if rows.any():
            notes.append(
                f"{count[rows].sum():g} of {count.sum():g} sequences ({rows.sum()} rows) were left "
                f"out: {reason}"
            )
    return notes
