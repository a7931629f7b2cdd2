"""FASTA files, record by record, in the forms they come in."""

from __future__ import annotations

import codecs
import gzip
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from distrib.data.files.fasta import read_fasta
from distrib.errors import InputError

PLAIN = ">TF1 MYC | chr8\nACGT\nAC\n>TF2\nnnnn\n"
RECORDS = [(1, "TF1 MYC | chr8", "ACGTAC"), (4, "TF2", "nnnn")]


def written(folder: Path, content: str | bytes, name: str = "tf.fasta") -> Path:
    path = folder / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


@pytest.mark.parametrize(
    ("content", "name"),
    [
        (PLAIN, "tf.fasta"),
        (PLAIN, "tf.fa"),
        (PLAIN.rstrip("\n"), "tf.fasta"),
        (PLAIN + "\n\n  \n", "tf.fasta"),
        (PLAIN.replace("\n", "\r\n"), "tf.fasta"),
        (PLAIN.replace("\n", "\r"), "tf.fasta"),
        (PLAIN.replace("ACGT\n", " ACGT \t\n"), "tf.fasta"),
        (codecs.BOM_UTF8 + PLAIN.encode(), "tf.fasta"),
        (PLAIN.encode("utf-16"), "tf.fasta"),
        (gzip.compress(PLAIN.encode(), mtime=0), "tf.fna.gz"),
    ],
)
def test_one_file_in_many_guises(tmp_path: Path, content: str | bytes, name: str) -> None:
    assert list(read_fasta(written(tmp_path, content, name))) == RECORDS


def test_rows_are_counted_with_empty_lines(tmp_path: Path) -> None:
    path = written(tmp_path, "\n\n>a\nAC\n\nGT\n\n>b\nN\n")
    assert list(read_fasta(path)) == [(3, "a", "ACGT"), (8, "b", "N")]


def test_a_record_may_have_no_sequence_and_no_name(tmp_path: Path) -> None:
    path = written(tmp_path, ">\n>a\nMKV*-\n>b\n")
    assert list(read_fasta(path)) == [(1, "", ""), (2, "a", "MKV*-"), (4, "b", "")]


NAME = st.text("abcXYZ019_|.", min_size=1, max_size=8)


@given(st.lists(st.tuples(NAME, st.text("ACGTN", max_size=30)), min_size=1), st.integers(1, 11))
def test_what_is_written_comes_back_however_lines_are_broken(
    tmp_path_factory: pytest.TempPathFactory, records: list[tuple[str, str]], width: int
) -> None:
    lines = []
    for name, sequence in records:
        lines.append(f">{name}")
        lines += [sequence[i : i + width] for i in range(0, len(sequence), width)]
    path = written(tmp_path_factory.mktemp("fasta"), "\n".join(lines))
    found = list(read_fasta(path))
    assert [(name, sequence) for _, name, sequence in found] == records
    assert [lines[row - 1] for row, _, _ in found] == [f">{name}" for name, _ in records]


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("", ["the file is empty"]),
        (" \n\n", ["the file is empty"]),
        ("ACGT\n>a\nACGT\n", ["row 1", "before the first header", "'ACGT'", "a header"]),
        ("\n\nA" + "C" * 80, ["row 3", "before the first header", "'A" + "C" * 29 + "'"]),
        ("id,sequence\na,ACGT\n", ["row 1", "before the first header", "'id,sequence'"]),
        (b">a\nAC\xff\n", ["byte 5 (row 2)", "0xFF"]),
        (gzip.compress(PLAIN.encode(), mtime=0), ["not text", "a gzip file", "tf.fasta.gz"]),
    ],
)
def test_files_that_are_none(tmp_path: Path, content: str | bytes, says: list[str]) -> None:
    path = written(tmp_path, content)
    with pytest.raises(InputError) as caught:
        list(read_fasta(path))
    for text in ("tf.fasta", *says):
        assert text in str(caught.value), str(caught.value)


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"none\.fa: no such file"):
        list(read_fasta(tmp_path / "none.fa"))
