"""Germline genes as people bring them: FASTA, IMGT's FASTA, tables; and all that is wrong."""

from __future__ import annotations

from pathlib import Path

import pytest

from distrib.data.vdj.germline.germline import read_germline, require_known, trimmed_ends
from distrib.errors import InputError

FASTA = ">TRBV1*01 some words\nacgt\nACGT\n\n>TRBV2*01\nTT..TTA\n"
IMGT = ">M1|TRBV1*01|Homo sapiens|F|V-REGION|1..8\nacgtacgt\n>M2|TRBV2*01|Homo sapiens\ntt..tta\n"
TABLE = "gene\tsequence\nTRBV1*01\tACGTACGT\nTRBV2*01\tTTTTA\n"
WHOLE = {"TRBV1*01": "ACGTACGT", "TRBV2*01": "TTTTA"}


def write(path: Path, text: str | bytes) -> Path:
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return path


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("g.fasta", FASTA),
        ("g.fa", IMGT),
        ("g.fasta", FASTA.replace("\n", "\r\n")),
        ("g.fasta", "\ufeff" + FASTA),
        ("g.fasta", FASTA.encode("utf-16")),
        ("g.tsv", TABLE),
        ("g.csv", TABLE.replace("\t", ",")),
        ("g.csv", "\ufeff" + TABLE.replace("\t", ";").replace("\n", "\r\n")),
    ],
)
def test_every_form_is_read(tmp_path: Path, name: str, text: str | bytes) -> None:
    assert read_germline(write(tmp_path / name, text)) == WHOLE


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("g.fasta", "", "g.fasta: the file is empty"),
        ("g.fasta", "ACGT\n>a\nACGT\n", r"row 1: a sequence before the first header"),
        ("g.fasta", ">a\nACGT\n>\nACGT\n", "row 3: a row without an id"),
        ("g.fasta", ">a\nACGT\n>b\n>c\nACGT\n", r"row 3 \(b\): a gene without sequence"),
        ("g.fasta", ">a\nAC\n>b\nAC\n>a\nAC\n", "rows 1 and 5: duplicate id 'a'"),
        ("g.fasta", ">a\nACGT\n>b\nMKV\nLLP\n", r"row 3 \(b\), position 4.*\n.*'L'\n.*DNA"),
        ("g.fasta", ">a\nACGU\n", r"position 4: a letter that is no nucleotide\n.*'U'"),
        ("g.fasta", b">a\nAC\xe9T\n", "not UTF-8"),
        ("g.fasta", ">1-Mar\nACGT\n", "a name that a spreadsheet has changed"),
        ("g.tsv", "gene\tsequence\n", "a header and no rows"),
        ("g.tsv", "gene\tseq\na\tACGT\n", r"no column 'sequence'\n.*gene, seq\n"),
        ("g.tsv", "gene\tsequence\na\tACGT\na\tACGT\n", "rows 2 and 3: duplicate id 'a'"),
        ("g.tsv", "gene\tsequence\na\t\n", r"row 2 \(a\): a gene without sequence"),
        ("g.tsv", "gene\tsequence\n\tACGT\n", "row 2: a row without an id"),
        ("g.tsv", "gene\tsequence\na\t3.5\n", r"row 2 \(a\), position 1.*\n.*'3'"),
    ],
)
def test_what_is_wrong_is_named(tmp_path: Path, name: str, text: str | bytes, message: str) -> None:
    with pytest.raises(InputError, match=message):
        read_germline(write(tmp_path / name, text))


def test_ends_lie_on_the_strand_being_trimmed() -> None:
    assert trimmed_ends({"a": "NNACCGT"}, "v", 4, "f") == {"a": "CCGT"}
    assert trimmed_ends({"a": "ACCGTNN"}, "j", 4, "f") == {"a": "CGGT"}


def test_ends_must_be_long_and_certain() -> None:
    with pytest.raises(InputError, match=r"f, a: a gene shorter.*\n.*4 bases\n.*at least 5"):
        trimmed_ends({"a": "ACGT"}, "v", 5, "f")
    with pytest.raises(InputError, match=r"f, a, position 6: an ambiguous base.*\n.*'N'"):
        trimmed_ends({"a": "ACGTANA"}, "v", 3, "f")


def test_unknown_genes_are_refused_with_the_nearest() -> None:
    with pytest.raises(InputError, match=r"row 7.*\n.*'TRBV91'\n.*\n.*did you mean 'TRBV9\*01'"):
        require_known("TRBV91", {"TRBV9*01": "", "TRAJ3*01": ""}, "f", "row 7")
    with pytest.raises(InputError, match=r"name the allele, such as 'TRBV9\*02'"):
        require_known("TRBV9", {"TRBV91*01": "", "TRBV9*02": ""}, "f", "row 7")
