"""Trimming data of one gene end out of a prepared folder."""

from __future__ import annotations

import numpy as np

from distrib.data.vdj.germline.germline import trimmed_ends
from distrib.data.vdj.germline.olga import Side
from distrib.data.vdj.prepare.prepared import Prepared, counts_of
from distrib.data.vdj.trimming.trimming import KEPT_BASES, TrimmingData, encode_ends, weights_of
from distrib.data.vdj.trimming.weights import Weighting
from distrib.errors import InputError


def prepared_trimming(
    prepared: Prepared,
    weighting: Weighting = "pooled",
    origin: str = "",
    subject: str | None = None,
) -> TrimmingData:
    """The genes of a one-end group with their trims, weights scaled to the number of sequences.

    Args:
        subject: one subject's counts alone. weighting: see `weights.weigh`.

    Raises:
        InputError: a group of two gene ends, a gene that is too short or ambiguous at its end, or
            a subject that is not there.
    """
    group = prepared.group
    if group.left and group.right:
        raise InputError(
            "these data are of two gene ends",
            file=origin,
            where=f"group {group.name}",
            expected="a group of one, such as nonproductive_v_trim",
            hint="two ends have the spaces `trimming_ligation` and `trimming_ligation_em`",
        )
    gene_end: Side = "v" if group.left else "j"
    counts = counts_of(prepared, subject, origin)
    names, gene = np.unique(counts[group.genes[0]].to_numpy(str), return_inverse=True)
    first, last = prepared.trims
    trims = np.arange(first, last + 1)
    count = counts["count"].to_numpy(float)
    subjects, of_subject = np.unique(counts["subject"].to_numpy(str), return_inverse=True)
    column = counts[group.trims[0]].to_numpy(np.int64) - first
    by_subject = np.zeros((len(subjects), len(names), len(trims)))
    np.add.at(by_subject, (of_subject, gene, column), count)
    germline = {name: prepared.genes[name].sequence for name in names.tolist()}
    ends = trimmed_ends(germline, gene_end, last + KEPT_BASES, origin)
    return TrimmingData(
        genes=names,
        ends=encode_ends(list(ends.values()), last),
        trims=trims,
        weights=weights_of(by_subject, weighting).sum(axis=0),
        gene_end=gene_end,
        origin=origin,
        notes=(*prepared.notes, f"gene end {gene_end} and trims {first} to {last}, as prepared"),
        counts=by_subject,
        weighting=weighting,
    )
