"""One part of a set: a Parquet file written table by table, in row groups of bounded size.

A row group is what a stream reads at once, so its size bounds the memory of writer and reader. The
groups depend on the rows alone and on how the function cut them, so equal input gives equal bytes.
"""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

import pyarrow as pa
import pyarrow.parquet as pq

ROW_GROUP_ROWS = 65_536
ROW_GROUP_BYTES = 8 * 2**20  # of Arrow's memory; on disk it is less


class WriteError(Exception):
    """The part could not be written: a fault of the disk's and not of the input's.

    Attributes:
        told: the system's words. code: the system's number (errno).
    """

    def __init__(self, error: OSError) -> None:
        self.code = error.errno or 0
        self.told = os.strerror(self.code) if self.code else str(error)
        super().__init__(self.told)


class PartWriter:
    """Writes tables of one schema to `path`; a context, at whose good end the disk holds the file.

    Attributes:
        rows: written so far. bytes: of the file, once it is closed.

    Where there are no rows there is no file; where the block ends badly there is none either.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.rows = 0
        self.bytes = 0
        self._writer: pq.ParquetWriter | None = None
        self._schema: pa.Schema | None = None
        self._group: list[pa.Table] = []
        self._group_rows = 0
        self._group_bytes = 0

    def write(self, table: pa.Table) -> None:
        """Add the rows of a table.

        Raises:
            TypeError: its schema is not the first table's.
            WriteError: the disk is full, say.
        """
        if self._schema is None:
            self._schema = table.schema
        elif table.schema != self._schema:
            raise TypeError(f"a table of another schema: {table.schema} after {self._schema}")
        row_bytes = max(1, table.nbytes // max(1, table.num_rows))
        start = 0
        while start < table.num_rows:
            fits = (ROW_GROUP_BYTES - self._group_bytes) // row_bytes
            if self._group and (fits < 1 or self._group_rows == ROW_GROUP_ROWS):
                self._write_group()
                continue
            piece = table.slice(start, max(1, min(fits, ROW_GROUP_ROWS - self._group_rows)))
            start += piece.num_rows
            self._group.append(piece)
            self._group_rows += piece.num_rows
            self._group_bytes += piece.num_rows * row_bytes

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        try:
            if kind is None:
                self._finish()
        finally:
            if not self.bytes:
                self._abandon()

    def _write_group(self) -> None:
        group, rows = pa.concat_tables(self._group), self._group_rows
        try:
            if self._writer is None:
                self._writer = pq.ParquetWriter(self.path, group.schema, compression="zstd")
            self._writer.write_table(group, row_group_size=rows)
        except OSError as error:
            raise WriteError(error) from error
        self.rows += rows
        self._group, self._group_rows, self._group_bytes = [], 0, 0

    def _finish(self) -> None:
        if self._group_rows:
            self._write_group()
        if self._writer is None:
            return
        try:
            self._writer.close()
            with self.path.open("rb") as file:
                os.fsync(file.fileno())  # a part that counts outlives a loss of power
            self.bytes = self.path.stat().st_size
        except OSError as error:
            raise WriteError(error) from error

    def _abandon(self) -> None:
        with suppress(OSError):  # closing writes a footer, which a full disk refuses again
            if self._writer is not None:
                self._writer.close()
        with suppress(OSError):
            self.path.unlink()
