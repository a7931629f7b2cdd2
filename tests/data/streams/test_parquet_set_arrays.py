"""Columns as NumPy arrays: shapes, one writable copy, slices and pieces, missing values."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from distrib.data.streams.parquet_set_arrays import dense, packed, ragged
from distrib.errors import InputError


def pieces(array: pa.Array) -> pa.Table:
    """A table with the array in three pieces (one empty), each a slice of something longer."""
    cut = len(array) // 2
    return pa.table({"c": pa.chunked_array([array[:cut], array[cut:cut], array[cut:]])})


@pytest.mark.parametrize("kind", [pa.float32(), pa.float16(), pa.int8(), pa.uint64(), pa.bool_()])
def test_numbers(kind: pa.DataType) -> None:
    values = np.array([0, 1, 1, 0, 1], kind.to_pandas_dtype())
    whole = pa.table({"c": pa.array(values, kind)})
    for table in (whole, pieces(whole["c"].chunk(0)), pa.concat_tables([whole, whole[:0]])):
        found = dense(table, "c")
        assert found.dtype == values.dtype and (found == values).all()
        found[:] = 1  # its own, writable
        assert whole["c"].to_pylist() == values.tolist()


@pytest.mark.parametrize("kind", [pa.float32(), pa.bool_()])
def test_lists_of_one_length(kind: pa.DataType) -> None:
    values = (np.arange(24) % 5).astype(kind.to_pandas_dtype())
    nested = pa.FixedSizeListArray.from_arrays(pa.array(values), 3)
    assert (dense(pieces(nested), "c") == values.reshape(8, 3)).all()
    nested = pa.FixedSizeListArray.from_arrays(nested, 2)
    assert (dense(pieces(nested), "c") == values.reshape(4, 2, 3)).all()
    empty = dense(pieces(nested).slice(0, 0), "c")
    assert empty.shape == (0, 2, 3) and empty.dtype == values.dtype


@pytest.mark.parametrize("kind", [np.float32, np.int16])
def test_packed_rows(kind: type[np.generic]) -> None:
    values = np.arange(24).reshape(8, 3).astype(kind)
    whole = pa.table({"c": packed(values[:, ::-1])})
    for table in (whole, pieces(whole["c"].chunk(0))):
        found = dense(table, "c", kind)
        assert found.dtype == kind and (found == values[:, ::-1]).all()
        found[:] = 1
    assert (dense(whole[2:5], "c", kind) == values[2:5, ::-1]).all()
    assert dense(whole[:0], "c", kind).shape == (0, 3)
    with pytest.raises(InputError, match="column 'c'"):
        dense(whole, "c")
    with pytest.raises(InputError, match="multiple of 16"):
        dense(whole, "c", np.complex128)
    with pytest.raises(InputError, match="not a fixed-size binary column"):
        dense(pa.table({"c": [1.0]}), "c", kind)


def test_a_table_without_pieces() -> None:
    schema = pa.schema({"x": pa.int16(), "t": pa.string(), "l": pa.list_(pa.float32())})
    assert dense(schema.empty_table(), "x").dtype == np.int16
    for column, kind in {"t": np.uint8, "l": np.float32}.items():
        values, offsets = ragged(schema.empty_table(), column)
        assert values.dtype == kind and len(values) == 0 and offsets.tolist() == [0]


@given(st.lists(st.lists(st.integers(0, 9), max_size=5), max_size=12), st.booleans())
def test_lists(rows: list[list[int]], large: bool) -> None:
    kind = pa.large_list(pa.int32()) if large else pa.list_(pa.int32())
    values, offsets = ragged(pieces(pa.array([[1], *rows], kind)[1:]), "c")
    assert values.dtype == np.int32 and offsets.dtype == np.int64
    assert [values[i:j].tolist() for i, j in pairwise(offsets)] == rows


@given(st.lists(st.text(max_size=6), max_size=12))
@pytest.mark.parametrize("kind", [pa.string(), pa.large_string(), pa.string_view(), pa.binary()])
def test_texts(kind: pa.DataType, rows: list[str]) -> None:
    values, offsets = ragged(pieces(pa.array(["first", *rows]).cast(kind)[1:]), "c")
    assert values.dtype == np.uint8 and offsets.dtype == np.int64
    found = [bytes(values[i:j]).decode() for i, j in pairwise(offsets)]
    assert found == rows


@pytest.mark.parametrize(
    "column",
    [
        pa.array([1.0, None]),
        pa.array([[1.0], None], pa.list_(pa.float64(), 1)),
        pa.array([[1.0], [None]], pa.list_(pa.float64(), 1)),
    ],
)
def test_missing_values_are_refused(column: pa.Array) -> None:
    with pytest.raises(InputError, match=r"column 'c': a value is missing"):
        dense(pa.table({"c": column}), "c")


@pytest.mark.parametrize("column", [[["a"]], [[1], None], [[1, None]], ["a", None], [1]])
def test_what_is_not_ragged_is_refused(column: list[object]) -> None:
    with pytest.raises(InputError, match="column 'c'"):
        ragged(pa.table({"c": column}), "c")


def test_texts_are_not_dense() -> None:
    with pytest.raises(InputError, match=r"(?s)column 'c'.*found: +string"):
        dense(pa.table({"c": ["a"]}), "c")
