"""A user's trimming data: every form, and every mistake named by file, row and column."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from distrib.data.vdj.germline.olga import read_model
from distrib.data.vdj.trimming.trimming import TrimmingData
from distrib.data.vdj.trimming.trimming_example import OBSERVATIONS, SUBJECTS, write_example
from distrib.data.vdj.trimming.trimming_files import read_trimming
from distrib.errors import InputError

GERMLINE = ">TRBV1*01\nACGTTGCAACGTTGCA\n>TRBV2*01\nTTTTTTTTTTTTTTTT\n>TRBV3*01\nACGTTGCAACGTTGCC\n"
COUNTS = """\
subject\tgene\ttrim\tcount
one\tTRBV2*01\t1\t4
one\tTRBV1*01\t0\t3
two\tTRBV1*01\t0\t2
two\tTRBV1*01\t2\t7
two\tTRBV2*01\t5\t9
"""


def write(folder: Path, counts: str | bytes = COUNTS, germline: str = GERMLINE) -> Path:
    (folder / "counts.tsv").write_bytes(counts.encode() if isinstance(counts, str) else counts)
    (folder / "germline.fasta").write_text(germline)
    return folder


def read(path: Path, targets: bool = True) -> TrimmingData:
    return read_trimming(path, trim_min=0, trim_max=2, targets=targets)


def check(data: TrimmingData) -> None:
    assert data.genes.tolist() == ["TRBV1*01", "TRBV2*01"]  # in the order of the germline
    assert data.weights is not None
    assert data.weights.tolist() == [[5, 0, 7], [0, 4, 0]]
    assert data.trims.tolist() == [0, 1, 2]
    assert data.ends.shape == (2, 12)
    assert data.ends[1].tolist() == [3] * 12


@pytest.mark.parametrize(
    "counts",
    [
        COUNTS,
        COUNTS.replace("\n", "\r\n"),
        "\ufeff" + COUNTS,
        COUNTS.replace("\t", ","),
        COUNTS.replace("\t", ";"),
        COUNTS.encode("utf-16"),
        "\n".join([COUNTS.splitlines()[0], *reversed(COUNTS.splitlines()[1:])]),
    ],
)
def test_counts_are_summed_over_subjects(tmp_path: Path, counts: str | bytes) -> None:
    data = read(write(tmp_path, counts))
    check(data)
    assert data.notes == (
        f"{tmp_path / 'counts.tsv'}: 9 of 25 observations (1 rows) lie outside trims 0 to 2 and "
        "were left out",
    )


def test_other_forms(tmp_path: Path) -> None:
    write(tmp_path)
    (tmp_path / "mine.yaml").write_text("counts: counts.tsv\ngermline: germline.fasta\n")
    check(read(tmp_path / "mine.yaml"))
    (tmp_path / "trimming.yaml").write_text("counts: sub/c.parquet\ngermline: sub/g.csv\n")
    (tmp_path / "sub").mkdir()
    frame = pd.read_csv(tmp_path / "counts.tsv", sep="\t")
    frame.to_parquet(tmp_path / "sub" / "c.parquet")
    records = [r.split("\n")[:2] for r in GERMLINE.split(">")[1:]]
    table = "gene,sequence\n" + "".join(f"{gene},{sequence}\n" for gene, sequence in records)
    (tmp_path / "sub" / "g.csv").write_text(table)
    check(read(tmp_path))


def test_decimal_commas_are_read_and_told(tmp_path: Path) -> None:
    data = read(write(tmp_path, 'gene,trim,count\nTRBV1*01,0,"1,5"\nTRBV2*01,1,"2,25"\n'))
    assert data.weights is not None
    assert data.weights[:, :2].tolist() == [[1.5, 0], [0, 2.25]]
    assert "decimal commas" in data.notes[0]


def test_genes_not_seen_in_the_window_are_told(tmp_path: Path) -> None:
    counts = "gene\ttrim\tcount\nTRBV1*01\t0\t3\nTRBV2*01\t9\t3\nTRBV3*01\t1\t0\n"
    data = read(write(tmp_path, counts))
    assert data.genes.tolist() == ["TRBV1*01"]
    assert data.notes[1].endswith("in trims 0 to 2 were left out: TRBV2*01, TRBV3*01")
    assert data.describe()["notes"] == list(data.notes)


def test_without_targets_germline_is_enough(tmp_path: Path) -> None:
    write(tmp_path)
    for path in (tmp_path, tmp_path / "germline.fasta"):
        data = read(path, targets=False)
        assert data.genes.tolist() == ["TRBV1*01", "TRBV2*01", "TRBV3*01"]
        assert data.weights is None
    (tmp_path / "counts.tsv").unlink()
    assert len(read(tmp_path, targets=False).genes) == 3


def test_a_table_alone_takes_olgas_genes(tmp_path: Path) -> None:
    for side in ("v", "j"):
        end = read_model("human_T_alpha").gene_end(side)
        (tmp_path / "c.csv").write_text(f"gene,trim,count\n{end.genes[3]},4,2\n")
        data = read_trimming(tmp_path / "c.csv", chain="TRA", gene_end=side)
        letters = "".join("ACGT"[code] for code in data.ends[0])
        assert end.sequences[3].endswith(letters)
        assert len(letters) == 24


ROW = "gene\ttrim\tcount\nTRBV1*01\t0\t3\n"


BAD_COUNTS: list[tuple[str | bytes, str]] = [
    ("", "counts.tsv: the file is empty"),
    ("gene\ttrim\tcount\n", "a header and no rows"),
    (b"gene\ttrim\tcount\nTRBV\xe9\t0\t3\n", "not UTF-8"),
    (
        "gen\ttrim\tcount\nTRBV1*01\t0\t3\n",
        r"no column 'gene'\n.*gen, trim.*\n.*\n.*mean 'gen'",
    ),
    ("gene\ttrims\tcount\nTRBV1*01\t0\t3\n", "no column 'trim'"),
    ("gene\ttrim\tn\nTRBV1*01\t0\t3\n", "no column 'count'"),
    (ROW + "1-Mar\t1\t3\n", "row 3, column 'gene': a name that a spreadsheet has changed"),
    (ROW + "\t1\t3\n", "row 3, column 'gene': a row without a gene"),
    (ROW + "TRBV21*01\t1\t3\n", r"row 3, column 'gene': a gene without.*\n.*\n.*\n.*TRBV2\*01"),
    (ROW + "TRBV2\t1\t3\n", r"name the allele, such as 'TRBV2\*01'"),
    (ROW + "TRBV2*01\t1\t-3\n", r"row 3, column 'count': invalid count\n.*-3"),
    (ROW + "TRBV2*01\t1\t\n", "row 3, column 'count': a number is missing"),
    (ROW + "TRBV2*01\t1\tNaN\n", "row 3, column 'count': a number is missing"),
    (ROW + "TRBV2*01\t1\tmany\n", "row 3, column 'count': text where a number is expected"),
    (ROW + "TRBV2*01\t1.5\t3\n", r"row 3, column 'trim': invalid trim\n.*1\.5"),
    (ROW + "TRBV2*01\t\t3\n", "row 3, column 'trim': a number is missing"),
    (ROW + "TRBV2*01\t1\n", r"row 3: a row with another number of fields"),
    (ROW + "TRBV1*01\t0\t3\n", r"rows 2 and 3: TRBV1\*01 with trim 0 is there twice\n"),
    (
        "gene\ttrim\tcount\tsubject\nTRBV1*01\t0\t3\ta\nTRBV1*01\t0\t3\tb\nTRBV1*01\t0\t3\tb\n",
        r"rows 3 and 4: TRBV1\*01 with trim 0 is there twice in subject b",
    ),
    ("gene\ttrim\tcount\nTRBV1*01\t7\t3\n", "no observation in the window of trims 0 to 2"),
    ("gene\ttrim\tcount\nTRBV1*01\t1\t0\n", "no observation in the window"),
]


@pytest.mark.parametrize(("counts", "message"), BAD_COUNTS)
def test_bad_counts_are_named(tmp_path: Path, counts: str | bytes, message: str) -> None:
    with pytest.raises(InputError, match=message):
        read(write(tmp_path, counts))


def test_bad_germline_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"TRBV1\*01: a gene shorter.*\n.*11 bases\n.*at least 12"):
        read(write(tmp_path, ROW, ">TRBV1*01\nACGTTGCAACG\n"))
    with pytest.raises(InputError, match="an ambiguous base"):
        read(write(tmp_path, ROW, ">TRBV1*01\nACGTTGCAACGNACG\n"))
    # Genes that nobody counted may be short.
    assert len(read(write(tmp_path, ROW, GERMLINE + ">TRBV4*01\nACGT\n")).genes) == 1


BAD_YAML: list[tuple[str, str]] = [
    ("counts: [\n", "trimming.yaml, line 2: this is not YAML"),
    (
        "counts: counts.tsv\ncounts: c.tsv\n",
        r"trimming\.yaml, line 2: duplicate key 'counts'",
    ),
    ("just text\n", "expected a mapping of keys to values"),
    ("count: counts.tsv\n", r"unknown key 'count'\n.*\n.*did you mean 'counts'"),
    ("counts: 3\n", "key 'counts': expected a file name"),
    ("counts: none.tsv\n", "key 'counts': no such file"),
    ("counts: trimming.yaml\n", "unsupported file extension for counts"),
    ("germline: germline.fasta\n", "no table of counts"),
    ("counts: counts.tsv\n", "no germline sequences"),
]


@pytest.mark.parametrize(("yaml", "message"), BAD_YAML)
def test_bad_yaml_is_named(tmp_path: Path, yaml: str, message: str) -> None:
    write(tmp_path)
    (tmp_path / "trimming.yaml").write_text(yaml)
    with pytest.raises(InputError, match=message):
        read(tmp_path)


def test_what_lies_elsewhere_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such folder or file"):
        read(tmp_path / "nowhere")
    with pytest.raises(InputError, match=r"no trimming data in this folder\n.*nothing"):
        read(tmp_path)
    write(tmp_path)
    (tmp_path / "counts.csv").write_text("")
    with pytest.raises(InputError, match="counts are there twice"):
        read(tmp_path)
    (tmp_path / "counts.csv").unlink()
    (tmp_path / "germline.fasta").unlink()
    with pytest.raises(InputError, match="no germline sequences"):
        read(tmp_path)
    with pytest.raises(InputError, match="unsupported file extension for counts"):
        (tmp_path / "c.xlsx").write_text("x")
        read(tmp_path / "c.xlsx")


def test_the_example_is_read_and_always_the_same(tmp_path: Path) -> None:
    contents = []
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        write_example(tmp_path / name)
        contents.append({p.name: p.read_bytes() for p in (tmp_path / name).iterdir()})
    assert contents[0] == contents[1]
    assert b"Simulated" in contents[0]["README.md"]
    table = pd.read_csv(tmp_path / "a" / "counts.tsv", sep="\t")
    assert table["count"].sum() == OBSERVATIONS * len(SUBJECTS)
    data = read_trimming(tmp_path / "a")
    assert data.weights is not None
    inside = table["trim"].between(2, 14)
    assert data.weights.sum() == table.loc[inside, "count"].sum()
    assert np.array_equal(
        data.weights.sum(axis=1), table[inside].groupby("gene")["count"].sum()[data.genes]
    )
