"""Sets of Parquet files, known by their footers and read a shard at a time.

A shard is one row group of one file, the least that can be read. Many files of one schema make a
set: a folder (local, shared, or a URL), or a single file. Opening reads no rows.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np
import pyarrow as pa

from distrib.data.files.split_words import SPLIT, split_words
from distrib.data.streams.parquet_set_files import (
    Footer,
    absolute,
    file_size,
    parquet_sizes,
    read_footer,
    read_group,
)
from distrib.data.streams.parquet_set_manifest import (
    SetFile,
    check_listing,
    check_numbers,
    read_manifest,
)
from distrib.data.streams.parquet_set_parts import Part, Told, check_key, hash_column, hash_rows
from distrib.errors import DataError, InputError, nearest

_OPENERS = 8  # footers are waited for, not computed


class Shard(NamedTuple):
    """One row group.

    Attributes:
        file: position of its file in the set. group: its number in the file.
        first: its first row, counted from 0 in the file. rows: of all parts together.
        bytes: about what its columns take in memory.
    """

    file: int
    group: int
    first: int
    rows: int
    bytes: int


@dataclass(frozen=True)
class ParquetSet:
    """A set of files, or a part of one: metadata alone, small enough to be sent anywhere.

    Attributes:
        folder: the absolute place of the files. files: by name, sorted.
        shards: row groups with rows in them, in the order of files and rows.
        schema: the columns that are read; all_columns: those that the files have.
        fingerprint: of names, rows, sizes and schema; the same for every part.
        parts: the splits that a row must pass, outermost first.
    """

    folder: str
    files: tuple[SetFile, ...]
    shards: tuple[Shard, ...]
    schema: pa.Schema
    all_columns: pa.Schema
    fingerprint: str
    parts: tuple[Part | Told, ...] = ()

    @property
    def rows(self) -> int:
        """Rows of the whole set; those of a part are known only by `count`."""
        return sum(file.rows for file in self.files)

    def place(self, shard: Shard) -> str:
        """The file in which a shard lies."""
        return f"{self.folder}/{self.files[shard.file].name}"

    def describe(self) -> dict[str, Any]:
        """Plain values for the record."""
        return {
            "files": len(self.files),
            "shards": len(self.shards),
            "rows": self.rows,
            "bytes": sum(file.bytes for file in self.files),
            "columns": {field.name: str(field.type) for field in self.schema},
            "fingerprint": self.fingerprint,
            "parts": [asdict(part) for part in self.parts],
        }

    def check_here(self) -> None:
        """Whether this machine reaches the files, by the first and the last of them.

        Raises:
            InputError: one is not there, or has another size than where the set was opened.
        """
        for file in {self.files[0], self.files[-1]} if self.files else ():
            place = f"{self.folder}/{file.name}"
            size = file_size(place)
            if size != file.bytes:
                raise InputError(
                    "this is not the file that the set was opened with",
                    file=place,
                    found=f"{size} bytes",
                    expected=f"{file.bytes} bytes",
                )

    def split(
        self, fraction: float, seed: int, by: str | None = None, within: str | None = None
    ) -> tuple[ParquetSet, ParquetSet]:
        """Set a share aside, lazily: each part is this set with a rule that rows must pass.

        Splits nest (a test part, then a validation part of the rest) and are independent of each
        other, also with one seed. Shares are of hashes, so that they are met on average only.

        Args:
            fraction: share of the groups (of the rows where `by` is None), at least 0, less than 1.
            by: the column whose equal values are never parted, of texts or whole numbers.
            within: the share is set aside of rows that the column `split` calls so; the others all
                stay. None: of all rows.

        Returns:
            the rest, and the part set aside.

        Raises:
            InputError: where the fraction is out of bounds, or there is no such column.
        """
        if not 0 <= fraction < 1:
            raise InputError(
                "the fraction is out of bounds", found=fraction, expected="at least 0, less than 1"
            )
        if by is not None:
            _check_columns(self.all_columns, [by], self.folder)
            check_key(self.all_columns, by, self.folder)
        part = Part(by, fraction, seed, len(self.parts), test=False, within=within)
        rest = replace(self, parts=(*self.parts, part))
        return rest, replace(self, parts=(*self.parts, replace(part, test=True)))

    @property
    def names_parts(self) -> bool:
        """Whether a column `split` says of each row what it is for."""
        return SPLIT in self.all_columns.names

    def told(self, word: Literal["validation", "test"]) -> tuple[ParquetSet, ParquetSet] | None:
        """The rest and the part that the column `split` calls so; None where it names no such part.

        Of the rows only that column is read, up to the first one of the part.
        """
        if not self.names_parts:
            return None
        rest, part = (
            replace(self, parts=(*self.parts, Told(SPLIT, word, test))) for test in (False, True)
        )
        return None if part.is_empty() else (rest, part)

    def read(self, shard: Shard) -> pa.Table:
        """The rows of a shard that belong to this part, in their order.

        Raises:
            InputError: where the file is gone, damaged or changed, or a group's value is missing.
        """
        names = dict.fromkeys([*self.schema.names, *self._keys()])
        table = self._group(shard, list(names))
        if self.parts:
            table = table.filter(pa.array(self._belongs(shard, table)))
        return table.select(self.schema.names)

    def row_numbers(self, shard: Shard) -> np.ndarray:
        """(rows,) int64: where the rows that `read` gives stand in their file, counted from 0."""
        if not self.parts:
            return np.arange(shard.first, shard.first + shard.rows)
        keys = self._keys()
        table = self._group(shard, keys) if keys else pa.table({})
        return shard.first + np.flatnonzero(self._belongs(shard, table))

    def count(self) -> int:
        """How many rows this part has; where it is by a column, that column is read."""
        if not self.parts:
            return self.rows
        return sum(len(self.row_numbers(shard)) for shard in self.shards)

    def is_empty(self) -> bool:
        """Whether this part has no row; looks no further than the first one."""
        return not any(len(self.row_numbers(shard)) for shard in self.shards)

    def _keys(self) -> list[str]:
        words = [SPLIT] if any(isinstance(p, Part) and p.within for p in self.parts) else []
        return list(dict.fromkeys([p.by for p in self.parts if p.by is not None] + words))

    def _group(self, shard: Shard, names: Sequence[str]) -> pa.Table:
        schema = pa.schema([self.all_columns.field(name) for name in names])
        size = self.files[shard.file].bytes
        return read_group(self.place(shard), size, shard.group, shard.rows, schema)

    def _belongs(self, shard: Shard, table: pa.Table) -> np.ndarray:
        """(rows,) bool, which rows of a whole shard pass every split."""
        hashes: dict[str | None, np.ndarray] = {}
        keep = np.ones(shard.rows, dtype=bool)
        words: np.ndarray | None = None
        for part in self.parts:
            if words is None and (isinstance(part, Told) or part.within):
                words = self._words(shard, table)
            if isinstance(part, Told):
                assert words is not None
                keep &= part.keeps(words)
                continue
            if part.by not in hashes:
                hashes[part.by] = self._hashes(shard, table, part.by)
            keep &= part.keeps(hashes[part.by], words)
        return keep

    def _words(self, shard: Shard, table: pa.Table) -> np.ndarray:
        """(rows,) str, what the column `split` says."""
        column = table.column(SPLIT).to_pylist()
        return split_words(
            ["" if word is None else word for word in column],
            file=self.place(shard),
            place=lambda row: f"row {shard.first + row + 1}",
        )

    def _hashes(self, shard: Shard, table: pa.Table, by: str | None) -> np.ndarray:
        if by is None:
            return hash_rows(self.files[shard.file].name, shard.first, shard.rows)
        missing = np.flatnonzero(table.column(by).is_null().to_numpy())
        if len(missing):
            raise DataError(
                "a row without a group cannot be split",
                file=self.place(shard),
                where=f"row {shard.first + missing[0] + 1}, column {by!r}",
                found="no value",
            )
        return hash_column(table, by)


def open_set(place: str | Path, columns: Sequence[str] | None = None) -> ParquetSet:
    """Open a set by its footers.

    Where the folder has a `manifest.json` (see `write_manifest`) its files must be the listed ones;
    without, files called like `part-00003-of-00010.parquet` must all be there.

    Args:
        place: a folder or one file; a path, or a URL that pyarrow or fsspec knows.
        columns: those to read, in this order; None for all.

    Raises:
        InputError: naming the file and the column where there is no file, one is missing, empty,
            cut short or no Parquet, where schemas differ, or there is no such column.
    """
    whole = absolute(place).rstrip("/")
    size = file_size(whole)
    if size is None:
        folder, sizes = whole, parquet_sizes(whole)
        if (listed := read_manifest(folder)) is not None:
            check_listing(folder, listed, sizes)
        else:
            check_numbers(folder, sizes)
    else:
        folder, _, name = whole.rpartition("/")
        sizes, listed = {name: size}, None
    if not sizes:
        raise InputError("no Parquet files", file=folder, expected="files called *.parquet")
    names = list(sizes)
    with ThreadPoolExecutor(min(_OPENERS, len(names)), "distrib-footer") as openers:
        footers = list(openers.map(lambda name: read_footer(f"{folder}/{name}", columns), names))
    files = tuple(
        SetFile(name, sum(footer.group_rows), sizes[name]) for name, footer in zip(names, footers)
    )
    all_columns = footers[0].schema
    for file, footer in zip(files, footers):
        _check_schema(footer.schema, all_columns, f"{folder}/{file.name}")
        if not file.rows:
            raise InputError("the file has no rows", file=f"{folder}/{file.name}")
    _check_rows(folder, files, listed or ())
    if columns is not None:
        _check_columns(all_columns, columns, folder)
    return ParquetSet(
        folder=folder,
        files=files,
        shards=tuple(_shards(footers)),
        schema=pa.schema([all_columns.field(name) for name in columns or all_columns.names]),
        all_columns=all_columns,
        fingerprint=hashlib.sha256(repr((files, _types(all_columns))).encode()).hexdigest()[:16],
    )


def _shards(footers: Sequence[Footer]) -> Iterator[Shard]:
    for file, footer in enumerate(footers):
        first = 0
        for group, (rows, size) in enumerate(zip(footer.group_rows, footer.group_bytes)):
            if rows:
                yield Shard(file, group, first, rows, size)
            first += rows


def _types(schema: pa.Schema) -> dict[str, str]:
    return {field.name: str(field.type) for field in schema}


def _check_schema(schema: pa.Schema, expected: pa.Schema, file: str) -> None:
    if len(set(schema.names)) < len(schema.names):
        raise InputError("duplicate column names", file=file, found=", ".join(schema.names))
    found, due = _types(schema), _types(expected)
    for name in dict.fromkeys([*due, *found]):
        if found.get(name) != due.get(name):
            raise InputError(
                "the file has another schema than the first one of the set",
                file=file,
                where=f"column {name!r}",
                found=found.get(name, "no such column"),
                expected=due.get(name, "no such column"),
            )


def _check_rows(folder: str, files: Sequence[SetFile], listed: Sequence[SetFile]) -> None:
    due = {file.name: file.rows for file in listed}
    for file in files:
        if file.rows != due.get(file.name, file.rows):
            raise InputError(
                "the file is not the one of the manifest",
                file=f"{folder}/{file.name}",
                found=f"{file.rows} rows",
                expected=f"{due[file.name]} rows",
            )


def _check_columns(schema: pa.Schema, columns: Sequence[str], file: str) -> None:
    if not columns:
        raise InputError("no column to read", file=file)
    for position, name in enumerate(columns):
        if name not in schema.names:
            raise InputError(
                f"no column {name!r}",
                file=file,
                found=", ".join(schema.names),
                hint=nearest(name, schema.names),
            )
        if name in columns[:position]:
            raise InputError(f"the column {name!r} is asked for twice", file=file)
