"""Files that are named like tables but are something else: said what they are, and what to do."""

from __future__ import annotations

import gzip
import io
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from distrib.data.files.tables import read_table
from distrib.errors import InputError

FRAME = pd.DataFrame({"id": ["x", "y"], "a": [1.0, 2.0]})


def parquet() -> bytes:
    return FRAME.to_parquet()


def parquet_without_rows() -> bytes:
    return FRAME.iloc[:0].to_parquet()


def npy() -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, np.eye(2))
    return buffer.getvalue()


def npz() -> bytes:
    buffer = io.BytesIO()
    np.savez(buffer, ids=np.array(["x"]), embeddings=np.eye(1))
    return buffer.getvalue()


def archive(*names: str) -> Callable[[], bytes]:
    def write() -> bytes:
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w") as file:
            for name in names:
                file.writestr(name, "content")
        return buffer.getvalue()

    return write


def table() -> bytes:
    return b"id,a\nx,1\n"


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("t.csv", parquet, ["a parquet file", "name it t.parquet"]),
        ("t.tsv", parquet_without_rows, ["a parquet file", "name it t.parquet"]),
        ("t.csv", lambda: gzip.compress(table()), ["a gzip file", "name it t.csv.gz"]),
        ("t.csv.gz", lambda: gzip.compress(parquet()), ["parquet", "unpack it, then", "t.parquet"]),
        ("t.csv.gz", lambda: gzip.compress(gzip.compress(table())), ["unpack it", "t.csv.gz"]),
        ("t.csv", npy, ["a NumPy array", "t.npy", "save it as one"]),
        ("t.csv", npz, ["NumPy arrays", "t.npz", "save it as one"]),
        ("t.csv", archive("t.csv"), ["a zip archive", "unpack it first"]),
        ("t.csv", archive("xl/workbook.xml"), ["a spreadsheet", "CSV UTF-8"]),
        ("t.csv", lambda: b"PK\x03\x04 cut short", ["a zip archive"]),
        ("t.csv.gz", lambda: gzip.compress(archive("t.csv")()), ["a zip archive", "unpack it"]),
        ("t.csv", lambda: b"\x89HDF\r\n\x1a\n....", ["an HDF5 file", "CSV or parquet"]),
        ("t.csv", lambda: b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", ["a spreadsheet", "CSV UTF-8"]),
    ],
)
def test_what_a_file_is(
    tmp_path: Path, name: str, content: Callable[[], bytes], says: list[str]
) -> None:
    path = tmp_path / name
    path.write_bytes(content())
    with pytest.raises(InputError) as caught:
        read_table(path)
    for text in (str(path), "not text", *says):
        assert text in str(caught.value)
    assert "UTF-8 text" not in str(caught.value)


@pytest.mark.parametrize("first", ["PAR1", "PK", "PAR1 "])
def test_genes_that_are_called_like_a_kind_of_file(tmp_path: Path, first: str) -> None:
    path = tmp_path / "t.csv"
    path.write_text(f"{first},a\nx,1\n")
    assert read_table(path).columns.tolist() == [first.strip(), "a"]
