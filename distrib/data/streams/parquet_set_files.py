"""The files under a Parquet set: found, opened and read on any filesystem, each fault named.

A place is a local path, or a URL such as `s3://bucket/folder` or `memory://folder`: pyarrow's own
filesystem where it has one for the scheme, else fsspec's.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TypeVar

import fsspec
import pyarrow as pa
import pyarrow.fs as pafs
import pyarrow.parquet as pq

from distrib.errors import DataError, InputError

T = TypeVar("T")

PAUSES = (0.1, 0.4)
"""Seconds before the second and the third attempt at a remote file."""

_WIDTHS = {"BOOLEAN": 1, "INT32": 4, "INT64": 8, "INT96": 8, "FLOAT": 4, "DOUBLE": 8}
_FAULTS = (pa.ArrowException, ValueError, KeyError)  # what damaged Parquet raises beside OSError


@dataclass(frozen=True)
class Footer:
    """What the end of a file tells of it.

    Attributes:
        schema: every column, categories as their values.
        group_rows: rows of each row group.
        group_bytes: about what each row group's chosen columns take in memory (`_decoded_bytes`).
    """

    schema: pa.Schema
    group_rows: tuple[int, ...]
    group_bytes: tuple[int, ...]


def absolute(place: str | Path) -> str:
    """A place that means the same in every working directory."""
    text = str(place)
    scheme, separator, rest = text.partition("://")
    if not separator:
        return Path(text).expanduser().absolute().as_posix()
    if not rest.strip("/"):
        raise InputError("this URL names no place", file=text, expected=f"{scheme}://bucket/folder")
    return text


@lru_cache(maxsize=64)
def locate(place: str) -> tuple[pafs.FileSystem, str]:
    """The filesystem of an absolute place, and the path on it.

    Raises:
        InputError: where nothing here can read such a URL.
    """
    if "://" not in place:
        return pafs.LocalFileSystem(), place
    try:
        return pafs.FileSystem.from_uri(place)
    except pa.ArrowInvalid:  # not one of pyarrow's own schemes
        pass
    except OSError as error:
        raise InputError("the filesystem cannot be reached", file=place, found=error) from None
    try:
        filesystem, path = fsspec.core.url_to_fs(place)
    except Exception as error:  # whatever a filesystem of fsspec's raises where it is made
        raise InputError(
            "no filesystem for this URL",
            file=place,
            found=error,
            expected="a folder, or a URL of a scheme that pyarrow or fsspec knows",
        ) from None
    return pafs.PyFileSystem(pafs.FSSpecHandler(filesystem)), path.rstrip("/")


def file_size(place: str) -> int | None:
    """Bytes of a file, or None for a folder.

    Raises:
        InputError: where there is neither.
    """
    if place.startswith(("http://", "https://")) and not place.endswith(".parquet"):
        raise InputError(
            "a web server has no folders",
            file=place,
            expected="the address of one *.parquet file, or a folder of an object store (s3://, "
            "gs://, ...)",
        )
    filesystem, path = locate(place)
    info = _attempted(lambda: filesystem.get_file_info(path), filesystem, place)
    if info.type == pafs.FileType.NotFound:
        raise InputError("no such file or folder", file=place)
    return info.size if info.is_file else None


def parquet_sizes(place: str) -> dict[str, int]:
    """Bytes of every `*.parquet` file right in a folder, by name, sorted; hidden ones left out."""
    filesystem, path = locate(place)

    def listing() -> list[pafs.FileInfo]:
        return filesystem.get_file_info(pafs.FileSelector(path))

    return {
        info.base_name: info.size
        for info in sorted(_attempted(listing, filesystem, place), key=lambda info: info.base_name)
        if info.is_file
        and info.base_name.endswith(".parquet")
        and not info.base_name.startswith((".", "_"))
    }


def read_bytes(place: str) -> bytes | None:
    """A small file's content, or None where there is none."""
    filesystem, path = locate(place)

    def read() -> bytes | None:
        if filesystem.get_file_info(path).type == pafs.FileType.NotFound:
            return None
        with filesystem.open_input_file(path) as file:
            content: bytes = file.read()
            return content

    return _attempted(read, filesystem, place)


def read_footer(place: str, columns: Sequence[str] | None) -> Footer:
    """Read the end of one file.

    Args:
        columns: whose sizes are wanted, where the file has them; None for all.

    Raises:
        InputError: where it is missing, no Parquet or cut short.
    """
    filesystem, path = locate(place)

    def read() -> tuple[pq.FileMetaData, pa.Schema]:
        with filesystem.open_input_file(path) as source, pq.ParquetFile(source) as file:
            return file.metadata, file.schema_arrow

    metadata, schema = _attempted(read, filesystem, place)
    leaves = [
        name for field in schema for name in [field.name] * _num_leaves(_values_type(field.type))
    ]
    chosen = [j for j, name in enumerate(leaves) if columns is None or name in columns]
    groups = [metadata.row_group(i) for i in range(metadata.num_row_groups)]
    return Footer(
        schema=plain_schema(schema),
        group_rows=tuple(group.num_rows for group in groups),
        group_bytes=tuple(sum(_decoded_bytes(group.column(j)) for j in chosen) for group in groups),
    )


def read_group(place: str, size: int, group: int, rows: int, schema: pa.Schema) -> pa.Table:
    """One row group of one file, decoded in this thread.

    Args:
        size: bytes of the file, rows: of the group, when the set was opened.
        schema: the columns to read, as opened.

    Raises:
        InputError: where the file is gone, damaged, or no longer the one that was opened.
    """
    filesystem, path = locate(place)

    def read() -> pa.Table:
        info = filesystem.get_file_info(path)
        if info.is_file and info.size != size:
            raise _changed(place, f"{info.size} bytes, {size} before")
        with (
            filesystem.open_input_file(path) as source,
            pq.ParquetFile(
                source,
                metadata=_metadata(place, size, info.mtime_ns),
                pre_buffer=not isinstance(filesystem, pafs.LocalFileSystem),  # fewer requests
                page_checksum_verification=True,
            ) as file,
        ):
            if group >= file.metadata.num_row_groups:
                raise _changed(place, f"{file.metadata.num_row_groups} row groups")
            return file.read_row_group(group, columns=schema.names, use_threads=False)

    table = _attempted(read, filesystem, place)
    if table.num_rows != rows:
        raise _changed(place, f"{table.num_rows} rows in row group {group}, {rows} before")
    columns = []
    for field in schema:
        if field.name not in table.column_names:
            raise _changed(place, f"no column {field.name!r}")
        column = table.column(field.name)
        if pa.types.is_dictionary(column.type):
            column = column.cast(column.type.value_type)
        if column.type != field.type:
            raise _changed(place, f"column {field.name!r} of type {column.type}, not {field.type}")
        columns.append(column)
    return pa.Table.from_arrays(columns, schema=schema)


@lru_cache(maxsize=64)
def _metadata(place: str, size: int, modified: int | None) -> pq.FileMetaData:
    """The footer of a file in this state of it: parsed once, not for every row group."""
    filesystem, path = locate(place)
    with filesystem.open_input_file(path) as source, pq.ParquetFile(source) as file:
        return file.metadata


def plain_schema(schema: pa.Schema) -> pa.Schema:
    """Names and types alone: categories as their values, every column nullable, no metadata."""
    return pa.schema([pa.field(field.name, _values_type(field.type)) for field in schema])


def _attempted(read: Callable[[], T], filesystem: pafs.FileSystem, place: str) -> T:
    """Three attempts at a remote file, one at a local one; what remains is told of `place`."""
    pauses = () if isinstance(filesystem, pafs.LocalFileSystem) else PAUSES
    for pause in (*pauses, None):
        try:
            return read()
        except InputError:
            raise
        except FileNotFoundError:
            raise DataError("no such file", file=place) from None
        except OSError as error:
            if pause is None:
                raise _unreadable(place, error) from None
            time.sleep(pause)
        except _FAULTS as error:
            raise _unreadable(place, error) from None
    raise AssertionError("unreachable")


def _unreadable(place: str, error: Exception) -> DataError:
    of_system = isinstance(error, OSError) and error.errno is not None
    return DataError(
        "the file cannot be read",
        file=place,
        found=(str(error).strip() or type(error).__name__).splitlines()[0],
        expected=None if of_system else "a whole Parquet file; was it cut short?",
    )


def _changed(place: str, found: str) -> DataError:
    return DataError("the file changed after the set was opened", file=place, found=found)


def _values_type(kind: pa.DataType) -> pa.DataType:
    return kind.value_type if pa.types.is_dictionary(kind) else kind


def _num_leaves(kind: pa.DataType) -> int:
    """Columns that Parquet stores for a type: one for each primitive value inside."""
    if pa.types.is_nested(kind):
        return sum(_num_leaves(kind.field(i).type) for i in range(kind.num_fields))
    return 1


def _decoded_bytes(chunk: pq.ColumnChunkMetaData) -> int:
    """About what a column chunk takes in memory, as far as a footer tells.

    Numbers by their width. Texts take what they take in the file, but where a dictionary stores
    each distinct one once: there the longer of least and greatest stands for all.
    """
    if chunk.physical_type in _WIDTHS:
        return chunk.num_values * _WIDTHS[chunk.physical_type]
    stored = chunk.total_uncompressed_size
    statistics = chunk.statistics
    if chunk.has_dictionary_page and statistics is not None and statistics.has_min_max:
        ends = (statistics.min_raw, statistics.max_raw)
        longest = max((len(end) for end in ends if isinstance(end, bytes | str)), default=0)
        stored = max(stored, chunk.num_values * longest)
    return stored + 4 * chunk.num_values
