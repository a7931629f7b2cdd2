"""Names of genes: by hand, and against the table that others keep of Adaptive's."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from distrib.data.vdj.germline.gene_names import Call, GeneNames, imgt_names
from distrib.data.vdj.germline.loci import find_locus, loci
from distrib.data.vdj.prepare.prepare_germline import germline_beside, germline_genes

GERMLINE = (
    *("TRBV5-1*01", "TRBV5-1*02", "TRBV6-2*01", "TRBV6-3*01", "TRBV19*03", "TRBV19*01"),
    *("TRBV20-1*01", "TRBV20/OR9-2*01", "TRBV2*01", "TRBV30*01"),
)

NAMES = {
    "TRBV5-1*01": [("TRBV5-1", "01")],
    "TCRBV05-01*02": [("TRBV5-1", "02")],
    "TCRBV20-or09_02": [("TRBV20/OR9-2", "")],
    "TCRBV06-02/06-03*01": [("TRBV6-2", "01"), ("TRBV6-3", "01")],
    "TRBV6-2*01,TRBV6-3*01": [("TRBV6-2", "01"), ("TRBV6-3", "01")],
    "Homsap TRBV6-2*01 F, or Homsap TRBV6-3*01 F": [("TRBV6-2", "01"), ("TRBV6-3", "01")],
    "TRBV12-3*00(1290.6)": [("TRBV12-3", "")],
    "TRAV29/DV5*01": [("TRAV29/DV5", "01")],
    "TCRAV14-01": [("TRAV14-1", "")],
    "TCRGV05P-01*01": [("TRGV5P-1", "01")],
    "IGHV3-30-3*01": [("IGHV3-30-3", "01")],
    "IGHV03-23*01": [("IGHV3-23", "01")],
    "IGHD2/OR15-2a*01": [("IGHD2/OR15-2a", "01")],
    "IGKV1-NL1*01": [("IGKV1-NL1", "01")],
    "Z22694|TRBV2*01|Homo sapiens": [("TRBV2", "01")],
    "nonsense": [],
}

CALLS = {
    "TRBV5-1*02": Call("TRBV5-1*02"),
    "TRBV5-1": Call("TRBV5-1*01", assumed="no allele named"),
    "TRBV19": Call("TRBV19*01", assumed="no allele named"),
    "TRBV2": Call("TRBV2*01"),
    "TCRBV30-01": Call("TRBV30*01"),
    "TCRBV02-X": Call("TRBV2*01"),
    "TRBV5-1*02,TRBV5-1*01": Call("TRBV5-1*02", assumed="tie of alleles"),
    "TRBV6-2*01,TRBV6-3*01": Call(problem="ambiguous"),
    "TRBV6-2*01,TRBV99*01": Call(problem="ambiguous"),
    "TCRBV06": Call(problem="ambiguous"),
    "TCRBV20": Call(problem="ambiguous"),
    "TCRBV05": Call("TRBV5-1*01", assumed="no allele named"),  # its family's only member
    "TRBV5-1*09": Call(problem="unknown"),
    "TRBV99*01": Call(problem="unknown"),
    "nonsense": Call(problem="unknown"),
    "TRAV1-1*01": Call(problem="another chain"),
    "": Call(problem="no gene"),
    "unresolved": Call(problem="no gene"),
    "NA": Call(problem="no gene"),
}


@pytest.mark.parametrize("name", NAMES)
def test_names_are_written_as_imgt_does(name: str) -> None:
    assert imgt_names(name) == NAMES[name]


@pytest.mark.parametrize("name", CALLS)
def test_names_mean_germline_genes(name: str) -> None:
    names = GeneNames(GERMLINE, find_locus("TRB"))
    assert names.find(name) == CALLS[name]
    assert names.find(name) == CALLS[name]  # also when remembered


def test_genes_that_two_loci_share_have_one_name_or_the_other() -> None:
    alpha = GeneNames(["TRAV14/DV4*01", "TRAV38-1*01", "TRAV38-2/DV8*01"], find_locus("TRA"))
    for name in ("TRAV14/DV4*01", "TRAV14*01", "TRAV14DV4", "TCRAV14-01*01"):
        assert alpha.find(name).gene == "TRAV14/DV4*01"
    assert alpha.find("TCRAV38-02").gene == "TRAV38-2/DV8*01"
    assert alpha.find("TCRAV38").problem == "ambiguous"
    delta = GeneNames(["TRDV1*01", "TRAV14/DV4*01"], find_locus("TRD"))
    assert delta.find("TRAV14/DV4*01").gene == "TRAV14/DV4*01"
    assert delta.find("TRAV1-2*01").problem == "another chain"


# Where the table names another gene than the one that Adaptive's name says, or none.
SUBSTITUTED = {
    "TCRBV05-02": "TRBV5-1*01",  # a pseudogene that the table's germline lacks
    "TCRBV07-05": "TRBV7-1*01",
    "TCRBV12-03/12-04": "TRBV12-1*01",  # ties
    "TCRBV06-02/06-03": "TRBV6-2*01",
    "TCRBV03-01/03-02": "TRBV3-1*01",
}


def test_adaptives_names_are_those_of_tcrdists_table(real_data: Path) -> None:
    """Every human name of `adaptive_imgt_mapping.csv` that names one gene of its germline."""
    table = real_data / "trimming" / "combo_xcr_2024-03-05.tsv"
    names = {}
    for chain, locus in loci().items():
        if chain.startswith("TR"):
            genes, _ = germline_genes(locus, "human", table, [])
            names[chain] = {
                s: GeneNames((n for n, g in genes.items() if g.segment == s), locus) for s in "VDJ"
            }
    agreed, families = 0, 0
    with (real_data / "trimming" / "adaptive_imgt_mapping.csv").open() as file:
        for row in csv.DictReader(file):
            name = row["adaptive"]
            if row["species"] != "human":
                continue
            call = names[name[:4].replace("TCR", "TR")][name[4]].find(name)
            if name in SUBSTITUTED:
                assert row["imgt"] == SUBSTITUTED[name]
                assert call.problem in ("ambiguous", "unknown"), name
            elif row["imgt"] == "NA":
                assert call.problem == "unknown", name
            elif call.problem:  # a family, of which the table takes the first member
                families += 1
                assert call.problem == "ambiguous", name
                assert "-" not in name.removesuffix("-X"), name
            else:
                agreed += 1
                assert call.gene.split("*")[0] == row["imgt"].split("*")[0], name
    assert agreed > 300
    assert families < 50


def test_added_genes_make_no_name_ambiguous(real_data: Path) -> None:
    """Whatever OLGA's genes alone make of a name, they do beside tcrdist3's 200 genes of TRB."""
    locus = find_locus("TRB")
    olga, _ = germline_genes(locus, "human", None, [])
    table = str(real_data / "trimming" / "combo_xcr_2024-03-05.tsv")
    genes, added, _ = germline_beside(locus, "human", ["olga", table], [])
    assert "TRBV21-1*01" in added and not set(added) & set(olga)
    own = GeneNames([name for name, g in olga.items() if g.segment == "V"], locus)
    of_v = [name for name in added if genes[name].segment == "V"]
    both = GeneNames([name for name, g in olga.items() if g.segment == "V"], locus, of_v)
    words = {name for gene in genes for name in (gene, gene.split("*")[0], gene.split("-")[0])}
    words |= {f"{a},{b}" for a in sorted(words)[:40] for b in sorted(words)[:40]}
    for word in words:
        alone, beside = own.find(word), both.find(word)
        assert beside == alone or alone.problem == "unknown", word
    assert own.find("TCRBV21-01").problem == "unknown"
    assert both.find("TCRBV21-01").gene == "TRBV21-1*01"
