"""Trimming data of one gene end out of a prepared folder."""

from __future__ import annotations

import numpy as np

from distrib.data.vdj.germline import trimmed_ends
from distrib.data.vdj.olga import Side
from distrib.data.vdj.prepared import Prepared
from distrib.data.vdj.trimming import KEPT_BASES, TrimmingData, encode_ends
from distrib.data.vdj.weights import Weighting, weigh
from distrib.errors import InputError


def prepared_trimming(
    prepared: Prepared, weighting: Weighting = "pooled", origin: str = ""
) -> TrimmingData:
    """The genes of a one-end group with their trims, weights scaled to the number of sequences.

    Raises:
        InputError: a group of two gene ends, or a gene that is too short or ambiguous at its end.
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
    counts = prepared.counts
    names, gene = np.unique(counts[group.genes[0]].to_numpy(str), return_inverse=True)
    first, last = prepared.trims
    trims = np.arange(first, last + 1)
    count = counts["count"].to_numpy(float)
    subject = np.unique(counts["subject"].to_numpy(str), return_inverse=True)[1]
    column = counts[group.trims[0]].to_numpy(np.int64) - first
    by_subject = np.zeros((int(subject.max(initial=-1)) + 1, len(names), len(trims)))
    np.add.at(by_subject, (subject, gene, column), count)
    weights = np.zeros(by_subject.shape[1:])
    np.add.at(weights, (gene, column), weigh(count, subject, gene, weighting) * count.sum())
    germline = {name: prepared.genes[name].sequence for name in names.tolist()}
    ends = trimmed_ends(germline, gene_end, last + KEPT_BASES, origin)
    return TrimmingData(
        genes=names,
        ends=encode_ends(list(ends.values()), last),
        trims=trims,
        weights=weights,
        gene_end=gene_end,
        origin=origin,
        notes=(*prepared.notes, f"gene end {gene_end} and trims {first} to {last}, as prepared"),
        counts=by_subject,
    )
