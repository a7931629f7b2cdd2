"""What a stream refuses: each named, none waited for."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from distrib.data.streams.parquet_set import open_set
from distrib.data.streams.parquet_set_arrays import dense
from distrib.data.streams.stream import Rows, Stream, Tokens
from distrib.errors import DataError, InputError


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two files of 40 rows in row groups of 20; `n` is 1 to 40."""
    for i in range(2):
        table = pa.table({"n": np.arange(1, 41), "t": ["ACGT"] * 40, "x": np.zeros(40)})
        pq.write_table(table, tmp_path / f"{i}.parquet", row_group_size=20)
    return tmp_path


@pytest.mark.parametrize(
    ("kwargs", "told"),
    [
        ({"world_size": 5}, ["fewer row groups than workers", "4 row groups in 2 files"]),
        ({"world_size": 3, "lanes": 2}, ["fewer lanes than workers", "lanes=2"]),
        ({"world_size": 3, "batch": Rows(2)}, ["fewer lanes than workers", "Rows(size=2)"]),
        ({"memory": 400},
         ["row group too large for the stream's memory", ".parquet, row group", "57 bytes"]),
        ({"rank": 2, "world_size": 2}, ["rank", "below 2"]),
        ({"rank": -1}, ["rank", "at least 0"]),
        ({"world_size": 0}, ["world_size"]),
        ({"lanes": 0}, ["lanes"]),
        ({"seed": -1}, ["seed"]),
        ({"batch": Rows(0)}, ["at least one row"]),
        ({"batch": Tokens(0, "n")}, ["at least one token"]),
        ({"batch": Tokens(9, "m")}, ["'m' is not among", "n, t, x"]),
        ({"batch": Tokens(9, "x")}, ["tells no length", "column 'x'", "double"]),
        ({"batch": Tokens(9, "n", (4, 4))}, ["do not ascend", "4, 4"]),
    ],
)  # fmt: skip
def test_unfit_settings_are_refused(folder: Path, kwargs: dict[str, Any], told: list[str]) -> None:
    with pytest.raises(InputError) as error:
        Stream(**{"data": open_set(folder), "batch": Rows(8), **kwargs})
    for words in told:
        assert words in str(error.value)


@pytest.mark.parametrize(
    "position",
    [
        np.zeros((3, 2), int),
        np.zeros((2, 2)),
        np.array([[3, 0], [0, 0]]),
        np.array([[2, 1], [0, 0]]),
        np.array([[0, -1], [0, 0]]),
        np.array([[0, 0], [0, 81]]),
    ],
)
def test_foreign_positions_are_refused(folder: Path, position: np.ndarray) -> None:
    data = open_set(folder)
    stream = Stream(data, Rows(8), lanes=2, memory=10 * data.shards[0].bytes)
    assert [len(windows) for windows in stream._plan(0)] == [2, 2]
    with pytest.raises(InputError, match="the position is not one of this stream"):
        list(stream.epoch(0, position))


def test_a_row_longer_than_a_batch_is_named(folder: Path) -> None:
    stream = Stream(open_set(folder), Tokens(60, "n"), lanes=2, seed=None)
    with pytest.raises(InputError) as error:
        list(stream.epoch(0))
    told = str(error.value)
    assert "0.parquet, row 31, column 'n': a row longer than a batch" in told
    assert "31 tokens" in told and "at most 30: a budget of 60 in 2 lanes" in told


def test_in_a_part_the_row_is_named_as_it_stands_in_its_file(folder: Path) -> None:
    rest, _ = open_set(folder).split(0.5, seed=0, by="n")
    with pytest.raises(InputError) as error:
        list(Stream(rest, Tokens(25, "n"), lanes=1).epoch(0))
    first = next(int(i) + 1 for i in rest.row_numbers(rest.shards[1]) if i >= 25)
    assert f"0.parquet, row {first}, column 'n'" in str(error.value)
    assert f"{first} tokens" in str(error.value)


def test_a_row_without_a_length_is_named(tmp_path: Path) -> None:
    pq.write_table(pa.table({"t": ["A", "C", None, "G"]}), tmp_path / "a.parquet")
    with pytest.raises(InputError, match=r"a\.parquet, row 3, column 't': a row without a length"):
        list(Stream(open_set(tmp_path), Tokens(9, "t")).epoch(0))


@pytest.mark.parametrize("seed", [None, 3])
def test_a_missing_value_is_named_by_file_and_row(folder: Path, seed: int | None) -> None:
    """Though the rows have been shuffled, cut into batches and put together by then."""
    table = pq.read_table(folder / "1.parquet")
    holes = [None if row in (24, 30) else float(row) for row in range(40)]
    table = table.set_column(2, "x", pa.array(holes))
    pq.write_table(table, folder / "1.parquet", row_group_size=20)
    stream = Stream(open_set(folder), Rows(8), seed=seed, lanes=2)
    with pytest.raises(DataError) as error:
        for step in stream.epoch(0):
            assert len(dense(step.table, "n"))
            dense(step.table, "x")
    assert str(error.value).startswith(f"{folder}/1.parquet, row 25, column 'x': a value is mis")


def test_epochs_are_counted_from_0(folder: Path) -> None:
    with pytest.raises(InputError, match="the epoch is out of bounds"):
        next(Stream(open_set(folder), Rows(8), seed=1).epoch(-1))


@pytest.mark.parametrize("change", ["gone", "cut short", "one byte"])
def test_a_file_spoilt_after_opening_is_told_to_the_consumer(folder: Path, change: str) -> None:
    path = folder / "1.parquet"
    stream = Stream(open_set(folder), Rows(8), lanes=1)
    if change == "gone":
        path.unlink()
    elif change == "cut short":
        path.write_bytes(path.read_bytes()[:400])
    else:
        path.write_bytes(path.read_bytes()[:-4] + b"PAR2")
    seen = 0
    with pytest.raises(InputError, match=r"1\.parquet"):
        for step in stream.epoch(0):
            seen += step.table.num_rows
    assert seen in (0, 40)
