"""Nucleotide sequences by id: every form of file gives the same, and odd letters are named."""

from __future__ import annotations

import gzip
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from distrib.data.files.ids import as_ids
from distrib.data.files.sequences import as_sequences, read_sequences
from distrib.errors import InputError

IDS = ["ENSG00000000001", "ENSG00000000002", "ENSG00000000003"]
WORDS = ["ACGTN", "acgtacgtnn", "T"]
FRAME = pd.DataFrame(
    {
        "gene_name": ["MYC", "TP53", "IRF4"],
        "gene_id": IDS,
        "chrom": ["chr8", "chr17", "chr6"],
        "tss": [1, 2, 3],
        "strand": ["+", "-", "+"],
        "sequence": WORDS,
    }
)
FASTA = "".join(f">{name} 12 kb\n{word[:3]}\n{word[3:]}\n" for name, word in zip(IDS, WORDS))


def text(name: str, content: str) -> Callable[[Path], Path]:
    def write(folder: Path) -> Path:
        path = folder / name
        data = content.encode()
        path.write_bytes(gzip.compress(data) if name.endswith(".gz") else data)
        return path

    return write


def parquet(frame: pd.DataFrame) -> Callable[[Path], Path]:
    def write(folder: Path) -> Path:
        frame.to_parquet(folder / "s.parquet")
        return folder / "s.parquet"

    return write


@pytest.mark.parametrize(
    "write",
    [
        text("s.csv", FRAME.to_csv(index=False)),
        text("s.csv.gz", FRAME.to_csv(index=False)),
        text("s.tsv", FRAME.to_csv(index=False, sep="\t")),
        text("s.csv", FRAME[["sequence", "gene_id"]].to_csv(index=False)),
        text("s.csv", FRAME.set_index("gene_id")[["sequence"]].to_csv(index_label="")),
        text("s.csv", FRAME.rename(columns={"gene_id": "id"}).to_csv(index=False)),
        text("s.txt", FRAME.to_csv(index=False)),
        parquet(FRAME),
        parquet(FRAME.set_index("gene_id")[["sequence"]]),
        parquet(FRAME.assign(sequence=[word.encode() for word in WORDS])),
        text("s.fasta", FASTA),
        text("s.fa", FASTA.replace("\n", "\r\n")),
        text("s.fna.gz", FASTA),
    ],
)
def test_every_form_gives_the_same_sequences(tmp_path: Path, write: Callable[[Path], Path]) -> None:
    ids, found = read_sequences(write(tmp_path))
    assert ids.values.tolist() == IDS
    assert found.dtype.kind == "S"
    assert found.tolist() == [word.upper().encode() for word in WORDS]


@given(st.lists(st.text("ACGTNacgtn", min_size=1, max_size=40), min_size=1))
def test_case_is_all_that_changes(words: list[str]) -> None:
    ids = as_ids([f"s{row}" for row in range(len(words))], Path("s.csv"))
    found = as_sequences(words, ids)
    assert [word.decode() for word in found.tolist()] == [word.upper() for word in words]
    assert found.dtype.itemsize == max(map(len, words))


@given(
    st.text("ACGTN", max_size=20),
    st.characters(exclude_characters="ACGTNacgtn", exclude_categories=["Cs"]),
    st.text(max_size=5),
)
def test_the_first_odd_letter_is_named_by_its_place(before: str, odd: str, after: str) -> None:
    ids = as_ids(["a", "b"], Path("s.csv"), rows=[2, 3])
    with pytest.raises(InputError) as caught:
        as_sequences(["ACGT", before + odd + after], ids)
    assert f"s.csv, row 3 (b), position {len(before) + 1}: a letter" in str(caught.value)
    assert f"found:    {odd!r}" in str(caught.value)


def changed(column: str, value: object) -> Callable[[Path], Path]:
    frame = FRAME.copy()
    frame.loc[1, column] = value
    return text("s.csv", frame.to_csv(index=False))


BAD_SEQUENCES: list[tuple[Callable[[Path], Path], list[str]]] = [
    (changed("sequence", "ACGU"), [f"row 3 ({IDS[1]}), position 4", "'U'", "write T for U"]),
    (changed("sequence", "acgu"), ["position 4", "'u'", "write T for U"]),
    (changed("sequence", "ACRT"), ["position 3", "'R'", "A, C, G, T or N"]),
    (changed("sequence", "AC GT"), ["position 3", "' '"]),
    (changed("sequence", "AC-GT"), ["position 3", "'-'"]),
    (changed("sequence", "AC\u00c4"), ["position 3", "'\u00c4'"]),
    (changed("sequence", "MKVLT*"), ["position 1", "'M'"]),
    (changed("sequence", None), [f"row 3 ({IDS[1]})", "a row without sequence"]),
    (changed("gene_id", None), ["row 3", "a row without an id"]),
    (changed("gene_id", IDS[0]), [f"duplicate id {IDS[0]!r}", "rows 2 and 3"]),
    (changed("gene_id", "1-Mar"), ["row 3", "MARCH1"]),
    (
        text("s.csv", FRAME.rename(columns={"sequence": "Sequence"}).to_csv(index=False)),
        ["no column 'sequence'", "gene_name, gene_id", "did you mean 'Sequence'?"],
    ),
    (text("s.csv", "id,sequence\n"), ["a header and no rows"]),
    (text("s.csv", "id,sequence\na,AC,GT\n"), ["row 2", "3 cells", "expected: 2"]),
    (text("s.csv", ""), ["the file is empty"]),
    (text("s.fasta", ">a\nAC\nGU\n"), ["row 1 (a), position 4", "'U'"]),
    (text("s.fasta", ">a\nAC\n>b\n>c\nA\n"), ["row 3 (b)", "a row without sequence"]),
    (text("s.fasta", ">a\nAC\n>\nA\n"), ["row 3", "a row without an id"]),
    (text("s.fasta", ">a 1\nAC\n>a 2\nA\n"), ["duplicate id 'a'", "rows 1 and 3"]),
    (text("s.fasta", "ACGT\n"), ["row 1", "before the first header"]),
    (parquet(FRAME.drop(columns="sequence")), ["no column 'sequence'"]),
    (parquet(FRAME.assign(sequence=["A", None, "C"])), [f"({IDS[1]})", "without sequence"]),
    (parquet(FRAME[:0]), ["the table is empty"]),
]


@pytest.mark.parametrize(("write", "says"), BAD_SEQUENCES)
def test_bad_sequences(tmp_path: Path, write: Callable[[Path], Path], says: list[str]) -> None:
    path = write(tmp_path)
    with pytest.raises(InputError) as caught:
        read_sequences(path)
    for part in (path.name, *says):
        assert part in str(caught.value), str(caught.value)


@pytest.mark.parametrize("name", ["s.csv", "s.fasta", "s.parquet"])
def test_a_file_that_is_not_there(tmp_path: Path, name: str) -> None:
    with pytest.raises(InputError, match="no such file"):
        read_sequences(tmp_path / name)


def test_long_sequences_take_a_letter_each(tmp_path: Path) -> None:
    words = ["".join(np.random.default_rng(0).choice(list("ACGT"), size=12_000))] * 3
    path = text("s.csv", pd.DataFrame({"id": IDS, "sequence": words}).to_csv(index=False))(tmp_path)
    _, found = read_sequences(path)
    assert found.nbytes == 36_000 and found[2].decode() == words[2]
