"""How many rearrangements of a prepared repertoire are productive, and which a group is about."""

from __future__ import annotations

from typing import Literal

import numpy as np
import pandas as pd

from distrib.data.vdj.ligation.frames import CodingGenes, is_productive
from distrib.data.vdj.prepare.prepared import Gene, Prepared
from distrib.data.vdj.prepare.prepared_checks import P_NUCLEOTIDES


def tell_classes(prepared: Prepared) -> list[str]:
    """How many of each class there are, of groups of ligations between V and J.

    All are prepared, since the frame of each join decides when the data are loaded: the groups of
    either class begin from the same total.
    """
    group, table = prepared.group, prepared.counts
    if not (group.ligation and group.junction == "vj"):
        return []
    anchored = {name for name, gene in prepared.genes.items() if gene.anchor is not None}
    known = (table["v_gene"].isin(anchored) & table["j_gene"].isin(anchored)).to_numpy()
    total, rows = table["count"].sum(), table[known]
    if not len(rows):
        return []
    v, of_v, v_genes = _side(prepared, rows, "v_gene", "left")
    j, of_j, _ = _side(prepared, rows, "j_gene", "right")
    lengths = np.array([len(gene.sequence) for gene in v_genes])
    kept = lengths[of_v] - rows["v_trim"].to_numpy()
    resumes = rows["j_trim"].to_numpy() + P_NUCLEOTIDES
    counts = rows["count"].to_numpy()
    productive = counts[is_productive(v, j, of_v, of_j, kept, resumes)].sum()
    unknown = total - counts.sum()
    shown = [f"{productive:,.10g} productive", f"{counts.sum() - productive:,.10g} nonproductive"]
    shown += [f"{unknown:,.10g} without a known frame"] if unknown else []
    used = "all of them" if group.productivity == "both" else f"the {group.productivity} ones"
    return [
        f"of {total:,.10g} rearrangements {', '.join(shown)}, by the frame and stop codons of "
        f"their joins; {group.name} is about {used}"
    ]


def _side(
    prepared: Prepared, rows: pd.DataFrame, column: str, side: Literal["left", "right"]
) -> tuple[CodingGenes, np.ndarray, list[Gene]]:
    """The genes of one side, and (rows,) which of them each row has."""
    names, of = np.unique(rows[column].to_numpy(str), return_inverse=True)
    genes = [prepared.genes[name] for name in names]
    anchors = [gene.anchor or 0 for gene in genes]
    return CodingGenes.of([gene.sequence for gene in genes], anchors, side), of, genes
