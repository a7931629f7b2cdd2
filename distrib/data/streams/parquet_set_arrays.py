"""Columns of an Arrow table as NumPy arrays: one copy, writable, missing values refused."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pyarrow as pa

from distrib.errors import DataError

_MISSING = b"missing:"


def packed(values: np.ndarray) -> pa.Array:
    """(rows, d) numbers as fixed-size binary, which Parquet gives back about ten times as fast.

    A list costs its decoder two levels a number; `dense` takes such a column with its `dtype`.
    """
    little = np.ascontiguousarray(values, values.dtype.newbyteorder("<"))
    width = little.shape[1] * little.itemsize
    return pa.Array.from_buffers(pa.binary(width), len(little), [None, pa.py_buffer(little)])


def dense(table: pa.Table, column: str, dtype: type[np.generic] | None = None) -> np.ndarray:
    """A column of numbers, or of lists of one fixed length, as an array of its own.

    Args:
        dtype: what a fixed-size binary column (see `packed`) holds; None for all others.

    Returns:
        (rows,) for numbers, (rows, d) for fixed-size lists and binaries, (rows, a, b) where lists
        are nested.

    Raises:
        DataError: where a value is missing, or the column is of another kind.
    """
    chunked = table.column(column)
    inner, shape = chunked.type, []
    while pa.types.is_fixed_size_list(inner):
        shape.append(inner.list_size)
        inner = inner.value_type
    binary = pa.types.is_fixed_size_binary(inner) and not shape and dtype is not None
    if not binary and not (_is_number(inner) and dtype is None):
        raise DataError(
            "not a column of numbers or of fixed-size lists of numbers"
            if dtype is None
            else "not a fixed-size binary column",
            where=f"column {column!r}",
            found=str(chunked.type),
        )
    chunks = [chunk for chunk in chunked.chunks if len(chunk)]
    values = pa.concat_arrays(chunks) if chunks else pa.array([], chunked.type)
    _refuse_missing(values, column, table)
    for length in shape:
        values = values.values.slice(values.offset * length, len(values) * length)
        _refuse_missing(values, column, table)
    if pa.types.is_boolean(inner):  # stored eight to a byte
        return values.to_numpy(zero_copy_only=False).reshape(table.num_rows, *shape)
    kind = np.dtype(dtype or inner.to_pandas_dtype())
    if binary:
        shape = [_numbers_in(inner.byte_width, kind, column)]
    if not chunks:
        return np.empty((0, *shape), kind)
    width = inner.byte_width if binary else kind.itemsize
    count = len(values) * width // kind.itemsize
    flat = np.frombuffer(values.buffers()[1], kind, count, values.offset * width)
    # Memory of several pieces put together is new, nobody else's, and may be written to.
    return (flat if len(chunks) > 1 else flat.copy()).reshape(table.num_rows, *shape)


def ragged(table: pa.Table, column: str) -> tuple[np.ndarray, np.ndarray]:
    """A column of lists of numbers, or of texts, as their values one after the other.

    Returns:
        (total,) values (of texts: their UTF-8 bytes), and (rows + 1,) int64 offsets, the first 0:
        row i is `values[offsets[i]:offsets[i + 1]]`.

    Raises:
        DataError: where a list or a value is missing, or the column is of another kind.
    """
    chunked = table.column(column)
    kind = chunked.type
    if pa.types.is_string(kind) or pa.types.is_binary(kind) or _is_text_view(kind):
        chunked = chunked.cast(pa.large_binary())
    texts = is_text(kind)
    lists = pa.types.is_list(kind) or pa.types.is_large_list(kind)
    if not texts and not (lists and _is_number(kind.value_type)):
        raise DataError(
            "neither a column of lists of numbers nor of texts",
            where=f"column {column!r}",
            found=str(kind),
        )
    values, lengths = [], []
    for chunk in chunked.chunks:
        _refuse_missing(chunk, column, table)
        offsets, flat = _text_parts(chunk) if texts else _list_parts(chunk, column, table)
        values.append(flat[offsets[0] : offsets[-1]])
        lengths.append(np.diff(offsets))
    empty = np.empty(0, np.uint8 if texts else kind.value_type.to_pandas_dtype())
    all_lengths = np.concatenate([np.empty(0, np.int64), *lengths])
    return np.concatenate([empty, *values]), np.concatenate([[0], np.cumsum(all_lengths)])


def is_text(kind: pa.DataType) -> bool:
    """Whether `ragged` takes a column of this type as texts."""
    return (
        pa.types.is_string(kind)
        or pa.types.is_large_string(kind)
        or pa.types.is_binary(kind)
        or pa.types.is_large_binary(kind)
        or _is_text_view(kind)
    )


def _text_parts(chunk: pa.Array) -> tuple[np.ndarray, np.ndarray]:
    _, offsets, values = chunk.buffers()
    if not len(chunk):  # such an array may come without buffers
        return np.zeros(1, np.int64), np.empty(0, np.uint8)
    start = chunk.offset
    edges = np.frombuffer(offsets, np.int64)[start : start + len(chunk) + 1]
    flat = np.empty(0, np.uint8) if values is None else np.frombuffer(values, np.uint8)
    return edges, flat


def _list_parts(chunk: pa.Array, column: str, table: pa.Table) -> tuple[np.ndarray, np.ndarray]:
    edges = chunk.offsets.to_numpy().astype(np.int64)
    values = chunk.values.slice(edges[0], edges[-1] - edges[0])
    _refuse_missing(values, column, table)
    return edges - edges[0], values.to_numpy(zero_copy_only=not pa.types.is_boolean(values.type))


def _is_number(kind: pa.DataType) -> bool:
    return pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_boolean(kind)


def _is_text_view(kind: pa.DataType) -> bool:
    return pa.types.is_string_view(kind) or pa.types.is_binary_view(kind)


def _numbers_in(width: int, kind: np.dtype, column: str) -> int:
    if width % kind.itemsize:
        raise DataError(
            f"rows that are no whole number of {kind}s",
            where=f"column {column!r}",
            found=f"{width} bytes",
            expected=f"a multiple of {kind.itemsize}",
        )
    return width // kind.itemsize


def _refuse_missing(values: pa.Array, column: str, table: pa.Table) -> None:
    if values.null_count:
        raise DataError(
            "a value is missing",
            file=missing_at(table).get(column),
            where=f"column {column!r}",
            found=f"{values.null_count} missing in a piece of {len(values)}",
            expected="a value in every row",
        )


def with_missing_at(table: pa.Table, places: Mapping[str, str]) -> pa.Table:
    """The table, uncopied, with a place where a column misses a value: for the error's text."""
    metadata = {_MISSING + name.encode(): place.encode() for name, place in places.items()}
    return table.replace_schema_metadata(metadata or None)


def missing_at(table: pa.Table) -> dict[str, str]:
    """By column, where the first value is missing of the window that these rows come from."""
    return {
        key.removeprefix(_MISSING).decode(): place.decode()
        for key, place in (table.schema.metadata or {}).items()
        if key.startswith(_MISSING)
    }


def joined(tables: Sequence[pa.Table]) -> pa.Table:
    """The rows of all tables, uncopied; of several places the first is kept."""
    whole = pa.concat_tables(tables)
    places = {
        name: place for table in reversed(tables) for name, place in missing_at(table).items()
    }
    return with_missing_at(whole, places) if places else whole
