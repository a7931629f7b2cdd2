"""A part written table by table: the same rows, bounded row groups, no file that is not whole."""

from __future__ import annotations

import errno
import tempfile
from pathlib import Path
from unittest.mock import patch

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from distrib.cluster.mapping import part as map_part
from distrib.cluster.mapping.part import PartWriter, WriteError


def table(start: int, rows: int, width: int = 0) -> pa.Table:
    """Rows of 8 + `width` bytes and the offsets of their texts."""
    texts = pa.array(["x" * width] * rows, "large_string")
    return pa.table({"number": np.arange(start, start + rows), "text": texts})


def tables(sizes: list[int], width: int = 0) -> list[pa.Table]:
    starts = np.cumsum([0, *sizes])
    return [table(int(start), size, width) for start, size in zip(starts, sizes)]


@given(
    sizes=st.lists(st.integers(0, 40), min_size=1, max_size=12).filter(any),
    rows=st.integers(1, 30),
    row_bytes=st.integers(1, 2000),
    width=st.integers(0, 20),
)
def test_rows_and_their_groups(sizes: list[int], rows: int, row_bytes: int, width: int) -> None:
    given_tables = tables(sizes, width)
    with (
        tempfile.TemporaryDirectory() as folder,
        patch.object(map_part, "ROW_GROUP_ROWS", rows),
        patch.object(map_part, "ROW_GROUP_BYTES", row_bytes),
    ):
        path = Path(folder) / "a.part"
        with PartWriter(path) as part:
            for item in given_tables:
                part.write(item)
        file = pq.ParquetFile(path)
        assert file.read().equals(pa.concat_tables(given_tables))
        assert (part.rows, part.bytes) == (sum(sizes), path.stat().st_size)
        groups = [file.metadata.row_group(number).num_rows for number in range(file.num_row_groups)]
        file.close()
    least = 8 + width + 8  # bytes of a row; a table of few rows has some more
    assert max(groups) <= rows
    assert all(count == 1 or count * least <= row_bytes for count in groups)
    # Small tables share a group: it is as full as the bounds let it be.
    most = least + 8
    for count in groups[:-1]:
        assert count == rows or (count + 1) * most > row_bytes


def test_the_bytes_do_not_depend_on_the_moment(tmp_path: Path) -> None:
    for name in "ab":
        with PartWriter(tmp_path / name) as part:
            for item in tables([1000, 70_000, 10]):
                part.write(item)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


@pytest.mark.parametrize("sizes", [[], [0, 0]])
def test_no_rows_no_file(sizes: list[int], tmp_path: Path) -> None:
    with PartWriter(tmp_path / "a") as part:
        for item in tables(sizes):
            part.write(item)
    assert (part.rows, part.bytes) == (0, 0)
    assert list(tmp_path.iterdir()) == []


def test_a_bad_end_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(KeyError), PartWriter(tmp_path / "a") as part:
        part.write(table(0, 70_000))  # more than a row group: the file is begun
        assert (tmp_path / "a").exists()
        raise KeyError
    assert list(tmp_path.iterdir()) == []


def test_another_schema_is_refused(tmp_path: Path) -> None:
    with pytest.raises(TypeError, match="another schema"), PartWriter(tmp_path / "a") as part:
        part.write(table(0, 3))
        part.write(table(0, 3).drop_columns("text"))
    assert list(tmp_path.iterdir()) == []


def test_a_full_disk_is_told_from_a_bad_input(tmp_path: Path) -> None:
    full = tmp_path / "full"
    full.symlink_to("/dev/full")
    with pytest.raises(WriteError, match="No space left") as caught, PartWriter(full) as part:
        part.write(pa.table({"number": np.random.default_rng(0).random(70_000)}))
    assert caught.value.code == errno.ENOSPC
    assert Path("/dev/full").exists()
    assert list(tmp_path.iterdir()) == []
    with (
        pytest.raises(WriteError, match="No such file"),
        PartWriter(tmp_path / "no" / "a") as part,
    ):
        part.write(table(0, 3))
