"""Tables as people bring them: what is understood, and what is refused by row and column."""

from __future__ import annotations

import codecs
import gzip
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from distrib.data.files.ids import as_ids
from distrib.data.files.names import spreadsheet_damage, without_version
from distrib.data.files.tables import read_rows, read_table, to_numbers
from distrib.data.files.text import read_lines
from distrib.errors import InputError

PLAIN = "id,a,b\nx,1,2.5\ny,-3e-2,NA\n"


def written(folder: Path, content: str | bytes, name: str = "table.csv") -> Path:
    path = folder / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


@pytest.mark.parametrize(
    ("content", "name"),
    [
        (PLAIN, "table.csv"),
        (PLAIN.replace(",", "\t"), "table.tsv"),
        (PLAIN.replace(",", ";"), "table.csv"),
        (PLAIN.replace(",", "\t"), "table.csv"),
        (PLAIN.replace("\n", "\r\n"), "table.csv"),
        (PLAIN.replace("\n", "\r"), "table.csv"),
        (PLAIN.rstrip("\n"), "table.csv"),
        (PLAIN + "\n,,\n\n", "table.csv"),
        (PLAIN.replace("1,", ' "1" ,').replace(' "1" ', '" 1 "'), "table.csv"),
        (codecs.BOM_UTF8 + PLAIN.encode(), "table.csv"),
        (PLAIN.encode("utf-16"), "table.csv"),
        (codecs.BOM_UTF16_BE + PLAIN.encode("utf-16-be"), "table.csv"),
        (gzip.compress(PLAIN.encode(), mtime=0), "table.csv.gz"),
    ],
)
def test_one_table_in_many_guises(tmp_path: Path, content: str | bytes, name: str) -> None:
    path = written(tmp_path, content, name)
    before = path.read_bytes()
    frame = read_table(path)
    assert list(frame.columns) == ["id", "a", "b"]
    assert frame["id"].tolist() == ["x", "y"]
    assert frame.index.tolist() == [2, 3]
    values = to_numbers(frame, ["a", "b"], path, missing=True)
    np.testing.assert_array_equal(values, [[1, 2.5], [-0.03, np.nan]])
    assert path.read_bytes() == before


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", ["the file is empty"]),
        (b"\n\n", ["the file is empty"]),
        (b"id,a\n", ["a header and no rows", "id, a"]),
        (b"id,a\nx,1\ny,2,3\n", ["row 3", "3 cells", "expected: 2"]),
        (b"id,a,b\nx,1,2\ny,0,35,1\n", ["row 3", "decimal commas"]),
        (b"a,b\nx,1,2\n", ["row 2", "col.names=NA"]),
        (b"id,a\n\nx,1\ny\n", ["row 4", "1 cells"]),
        (b"id,a,a\nx,1,2\n", ["duplicate column 'a'", "columns 2 and 3"]),
        (b"id,a,\nx,1,2\n", ["a column without a name", "column 3"]),
        (b'id,a\nx,"1\ny,2\n', ["a row cannot be taken apart", "quotation mark"]),
        ("id,a\nx,1\ncaf\u00e9,2\n".encode("latin-1"), ["byte 12 (row 3)", "0xE9", "UTF-8"]),
        (PLAIN.encode("utf-16-le"), ["NUL bytes"]),
        (b"\xff\xfei\x00d", ["table.csv"]),
    ],
)
def test_unreadable_tables_are_named_by_row(
    tmp_path: Path, content: bytes, says: list[str]
) -> None:
    path = written(tmp_path, content)
    with pytest.raises(InputError) as caught:
        read_table(path)
    for text in (str(path), *says):
        assert text in str(caught.value)


@pytest.mark.parametrize("name", ["table.csv.gz", "table.parquet", "table.xlsx", "none.csv"])
def test_files_of_another_kind(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    if name != "none.csv":
        path.write_bytes(b"\x1f\x8b\x08 this is nothing that can be read")
    with pytest.raises(InputError, match=name):
        read_table(path)


def test_a_cut_gzip_is_refused(tmp_path: Path) -> None:
    content = gzip.compress(("id,a\n" + "x,1\n" * 50_000).encode(), mtime=0)
    path = written(tmp_path, content[:-20], "table.csv.gz")
    with pytest.raises(InputError, match="cannot be read"):
        list(read_rows(path))


@pytest.mark.parametrize(
    ("cells", "says"),
    [
        (["1", "high"], ["row 3, column 'a'", "text where a number is expected", "'high'"]),
        (["1", "1,234"], ["'1,234'", "thousands"]),
        (["1,234", "5,678"], ["row 2", "'1,234'", "thousands"]),
        (["0,5", "1.5"], ["row 3", "'1.5'", "decimal points and decimal commas"]),
        (["1.5", "0,5"], ["row 2", "'1.5'", "decimal points and decimal commas"]),
        (["0,5", "1,2,3"], ["row 3", "'1,2,3'"]),
        (["1", "inf"], ["row 3, column 'a'", "an infinite number", "'inf'", "empty"]),
        (["-Infinity", "1"], ["row 2", "an infinite number", "'-Infinity'"]),
        (["0,5", "-Inf"], ["row 3", "an infinite number", "'-Inf'", "a decimal comma"]),
        (["1", "info"], ["row 3", "text where a number is expected", "'info'"]),
        (["1", "1e999"], ["row 3", "too large"]),
        (["1", "1_000"], ["row 3", "'1_000'"]),
        (["1", "#DIV/0!"], ["row 3", "formula"]),
        (["1", ""], ["row 3", "a number is missing"]),
    ],
)
def test_cells_that_are_no_numbers(tmp_path: Path, cells: list[str], says: list[str]) -> None:
    path = written(
        tmp_path, "id\ta\n" + "".join(f"{i}\t{c}\n" for i, c in enumerate(cells)), "t.tsv"
    )
    with pytest.raises(InputError) as caught:
        to_numbers(read_table(path), ["a"], path)
    for text in (str(path), *says):
        assert text in str(caught.value)


def test_decimal_commas_are_read_and_said(tmp_path: Path) -> None:
    path = written(tmp_path, "id;a;b\nx;0,35;1\ny;-1,5e-3;1,234\n")
    notes: list[str] = []
    values = to_numbers(read_table(path), ["a", "b"], path, notes=notes)
    np.testing.assert_array_equal(values, [[0.35, 1], [-1.5e-3, 1.234]])
    assert len(notes) == 1 and "decimal commas" in notes[0]


def test_a_missing_column_is_named_with_the_nearest(tmp_path: Path) -> None:
    path = written(tmp_path, "gene,trims\nx,1\n")
    with pytest.raises(InputError, match=r"no column 'trim'(.|\n)*did you mean 'trims'"):
        to_numbers(read_table(path), ["trim"], path)


def test_parquet_keeps_types_and_an_index_of_names(tmp_path: Path) -> None:
    path = tmp_path / "table.parquet"
    frame = pd.DataFrame({"a": [1, 2], "b": [0.5, None]}, index=pd.Index(["x", "y"], name="gene"))
    frame.to_parquet(path)
    read = read_table(path)
    assert list(read.columns) == ["gene", "a", "b"]
    assert read.index.tolist() == [1, 2]
    np.testing.assert_array_equal(
        to_numbers(read, ["a", "b"], path, missing=True), [[1, 0.5], [2, np.nan]]
    )
    with pytest.raises(InputError, match="row 2, column 'b'"):
        to_numbers(read, ["a", "b"], path)
    frame.reset_index(drop=True).iloc[[1]].to_parquet(path)  # an index left over from a selection
    assert list(read_table(path).columns) == ["a", "b"]


def test_lines_without_ends_and_marks(tmp_path: Path) -> None:
    path = written(tmp_path, codecs.BOM_UTF8 + b"one\r\n two \r\nthree\r\n\r\n", "ids.txt")
    assert read_lines(path) == ["one", "two", "three"]


@given(
    st.lists(
        st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=2, max_size=2),
        min_size=1,
        max_size=5,
    ),
    st.sampled_from([",", "\t", ";"]),
)
def test_written_numbers_come_back_exactly(
    tmp_path_factory: pytest.TempPathFactory, rows: list[list[float]], delimiter: str
) -> None:
    path = tmp_path_factory.mktemp("table") / "table.csv"
    lines = [delimiter.join(["id", "a", "b"])]
    lines += [delimiter.join([str(i), *map(repr, row)]) for i, row in enumerate(rows)]
    path.write_text("\n".join(lines))
    np.testing.assert_array_equal(to_numbers(read_table(path), ["a", "b"], path), rows)


@pytest.mark.parametrize(
    ("name", "original"),
    [
        ("1-Mar", "MARCH1 (now MARCHF1) or MARC1"),
        ("2-Sep", "SEPT2 (now SEPTIN2)"),
        ("Mar-01", "MARCH1"),
        ("Sep-02", "SEPT2"),
        ("01. Mrz", "MARCH1"),
        ("9-sept", "SEPT9"),
        ("1-Dec", "DEC1"),
        ("4-Okt", "OCT4"),
        ("2006-09-07", "SEPT7"),
        ("2006-09-07 00:00:00", "SEPT7"),
        ("3-Apr", "date"),
        ("3/1/2020", "MARCH1"),
        ("9/2/2023 0:00", "SEPT2"),
        ("01.03.2020", "MARCH1"),
        ("02.09.20", "SEPT2"),
        ("1.3.", "MARCH1"),
        ("9/7", "SEPT7"),
        ("2020/09/02", "SEPT2"),
        ("1-3-2020", "MARCH1"),
        ("2020-03-01T00:00:00", "MARCH1"),
        ("01/mar", "MARCH1"),
        ("1 mars", "MARCH1"),
        ("1. März", "MARCH1"),
        ("7-set", "SEPT7"),
        ("2-out", "OCT2"),
        ("1-dic", "DEC1"),
        ("2-wrz", "SEPT2"),
        ("1-мар", "MARCH1"),
        ("Sept-02", "SEPT2"),
        ("3月1日", "MARCH1"),
        ("16/2", "date"),
        ("Mär 1", "MARCH1"),
        ("Mar 1", "MARCH1"),
        ("Sept. 2", "SEPT2"),
        ("March 1, 2021", "MARCH1"),
        ("2.31E+13", "2310009E13"),
        ("2,31E+13", "2310009E13"),
    ],
)
def test_what_a_spreadsheet_made_of_names(name: str, original: str) -> None:
    assert original in (spreadsheet_damage(name) or "")


@pytest.mark.parametrize(
    "name",
    [
        "MARCH1",
        "SEPT2",
        "sep-1",
        "jun-1",
        "mars-1",
        "HLA-A",
        "NKX2-5",
        "H2-K1",
        "TRBV6-2*01",
        "-2",
        "2310009E13Rik",
        "ENSG00000141510.17",
        "1-2",
        "12-Abc",
        "2021-13-01",
        "1e5",
        "T-01",
        "Protein 1",
        "Mär 45",
        "1.2",
        "1.10",
        "1/2-SBSRNA4",
        "13/13",
        "43891",
        "TRAV14/DV4",
    ],
)
def test_names_that_are_whole(name: str) -> None:
    assert spreadsheet_damage(name) is None


@pytest.mark.parametrize("name", ["-2", "1e5", "1-2", "12-Abc", "T-01", "2021-13-01", "1230E13Rik"])
def test_ids_that_only_look_damaged(name: str) -> None:
    assert spreadsheet_damage(name) is None


@pytest.mark.parametrize(
    ("name", "bare"),
    [
        ("ENSG00000141510.17", "ENSG00000141510"),
        ("ENSMUST00000000001.4", "ENSMUST00000000001"),
        ("ENSG00000182378.14_PAR_Y", "ENSG00000182378_PAR_Y"),
        ("ENSG00000141510", "ENSG00000141510"),
        ("AC012345.1", "AC012345.1"),
    ],
)
def test_versions_of_ensembl_ids(name: str, bare: str) -> None:
    assert without_version(name) == bare


def test_day_numbers_among_words_are_dates(tmp_path: Path) -> None:
    assert "MARCH1" in (spreadsheet_damage("43891", among_words=True) or "")
    assert "2020-09-02" in (spreadsheet_damage("44076.0", among_words=True) or "")
    assert spreadsheet_damage("43850", among_words=True) is None  # no gene of that day
    file = tmp_path / "targets.csv"
    with pytest.raises(InputError, match="a name that a spreadsheet has changed") as told:
        as_ids(["TP53", "SEPTIN2", "44075", "GATA1"], file)
    for word in ("targets.csv, row 3", "'44075'", "SEPT1 (now SEPTIN1)", "as text"):
        assert word in str(told.value)
    assert len(as_ids(["7157", "43891", "44075", "GATA1"], file)) == 4  # Entrez ids
