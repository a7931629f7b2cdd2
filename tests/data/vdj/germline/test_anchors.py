"""Anchors: by hand, and OLGA's against those that follow from aligned proteins."""

from __future__ import annotations

from pathlib import Path

import pytest

from distrib.data.vdj.germline.anchors import aligned_anchor, gapped_anchor
from distrib.data.vdj.germline.loci import find_locus
from distrib.data.vdj.germline.olga import CHAINS, MODELS, read_genes
from distrib.data.vdj.prepare.prepare_germline import germline_genes

CYS, PHE_TRP = ("TGT", "TGC"), ("TTT", "TTC", "TGG")


def test_an_anchor_counts_residues_and_no_gaps() -> None:
    # Frame 2: one base, then GSS..F: the F is the fourth residue.
    assert aligned_anchor("J", 2, "..GSSF.GQ", "1-6") == 1 + 3 * 3
    assert aligned_anchor("V", 1, "MK..C.AA", "1-2;5-8") == 3 * 2
    assert aligned_anchor("V", 1, "MK..C.AA", "1-2;4-8") is None  # a gap
    assert aligned_anchor("V", 1, "MK", "5-8") is None  # beyond a partial gene
    assert aligned_anchor("D", 1, "GTGG.", "") is None
    with pytest.raises(ValueError, match="invalid literal"):
        aligned_anchor("V", 1, "MK..C.AA", "a-b")


@pytest.mark.parametrize("name", MODELS)
def test_olgas_anchors_are_codons_within_the_gene(name: str) -> None:
    genes = read_genes(name)
    assert len({gene.name for gene in genes}) == len(genes)
    assert {gene.segment for gene in genes} >= {"V", "J"}
    codons = []
    for gene in genes:
        if gene.segment == "D":
            assert gene.anchor is None
        elif gene.anchor is not None:
            codon = gene.sequence[gene.anchor : gene.anchor + 3]
            assert len(codon) == 3
            codons.append(codon in (CYS if gene.segment == "V" else PHE_TRP))
    assert sum(codons) >= 0.85 * len(codons)  # but for pseudogenes


def test_d_genes_are_read() -> None:
    ds = {g.name: g.sequence for g in read_genes("human_T_beta") if g.segment == "D"}
    assert ds["TRBD1*01"] == "GGGACAGGGGGC"
    assert len(ds) == 3
    assert sum(g.segment == "D" for g in read_genes("human_B_heavy")) == 40


@pytest.mark.parametrize("chain", CHAINS)
def test_olgas_anchors_are_those_of_aligned_proteins(chain: str, real_data: Path) -> None:
    """Two sources that know nothing of each other, on every gene whose sequence they share."""
    table = real_data / "trimming" / "combo_xcr_2024-03-05.tsv"
    locus = find_locus(chain)
    olga, _ = germline_genes(locus, "human", None, [])
    aligned, _ = germline_genes(locus, "human", table, [])
    same = [n for n in olga if n in aligned and olga[n].sequence == aligned[n].sequence]
    assert len(same) >= 70
    assert [n for n in same if olga[n].anchor != aligned[n].anchor] == []


# An IMGT-gapped V gene: 26 codons, a gap of 12 bases, more codons up to 104, and what follows it.
GAPPED = "GAC" * 26 + "." * 12 + "GAC" * (103 - 30) + "TGT" + "GCTGTGAG"


@pytest.mark.parametrize(
    ("segment", "sequence", "anchor"),
    [
        ("V", GAPPED, 309 - 12),
        ("V", GAPPED.replace("TGTGCT", "TGCGCT"), 309 - 12),
        ("V", "." * 30 + GAPPED[30:], 309 - 42),  # known in part
        ("V", GAPPED.replace("TGTGCT", "GATGCT"), None),  # no Cys
        ("V", GAPPED.replace(".", ""), None),
        ("V", GAPPED[:300], None),
        ("J", GAPPED, None),
    ],
)
def test_gaps_tell_where_cys_104_is(segment: str, sequence: str, anchor: int | None) -> None:
    assert gapped_anchor(segment, sequence) == anchor
    if anchor is not None:
        assert sequence.replace(".", "")[anchor : anchor + 2] == "TG"


def test_a_gapped_fasta_has_anchors_of_v_genes(tmp_path: Path) -> None:
    (tmp_path / "imgt.fasta").write_text(
        f">M1|TRAV1*01|Homo\n{GAPPED.lower()}\n>TRAJ1*01\nTGGGGA\n"
    )
    genes, _ = germline_genes(find_locus("TRA"), "human", tmp_path / "imgt.fasta", [])
    assert [gene.anchor for gene in genes.values()] == [297, None]
    assert genes["TRAV1*01"].sequence == GAPPED.replace(".", "")
