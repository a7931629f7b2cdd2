"""One data unit: a line of metadata, a header, and a row a sequence (`cluster.map` maps it).

Units are gzip streams of one member, or of two (the line of metadata by itself): both are read.
Paired units have every column twice, with `_heavy` and `_light` behind.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import PurePosixPath
from typing import Any
from urllib.parse import urlsplit

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as arrow_csv

from distrib.data.antibodies.alphabet import LETTERS
from distrib.data.antibodies.oas.filters import unwanted
from distrib.data.antibodies.oas.unit_file import DamagedError, opened
from distrib.errors import InputError

FUNCTION = f"{__name__}:unit_rows"

AMINO_ACIDS = "sequence_alignment_aa"
_REQUIRED = (AMINO_ACIDS, "productive")
_JUDGED = ("stop_codon", "complete_vdj")
_KEPT = (
    "germline_alignment_aa", "v_call", "d_call", "j_call", "v_identity", "cdr1_aa", "cdr2_aa",
    "cdr3_aa", "Redundancy",
)  # fmt: skip
_OF_UNIT = ("Run", "Species", "Subject", "Isotype", "Disease", "Vaccine", "BType", "BSource")
_TRUE = pa.array(["T", "True", "TRUE", "true"])
_ODD = np.ones(256, dtype=bool)
_ODD[np.frombuffer(LETTERS.encode(), np.uint8)] = False
_BLOCK = 2**20
_ROWS = 1000
_FIRST_LINES = 2**20

READ, KEPT = "rows", "kept"
NOT_WANTED = "unit not wanted: "


def unit_rows(
    path: str,
    *,
    wanted: Mapping[str, Sequence[str]],
    paired: bool = False,
    complete: bool = True,
) -> Iterator[pa.Table | dict[str, int]]:
    """The rows of a unit that are productive, without stop codon, complete, and of known letters.

    Args:
        wanted: values of the metadata, see `filters`; a unit that is not wanted gives no rows.
        complete: leave out rows that are not whole V(D)J sequences, as `complete_vdj` says.

    Yields:
        tables with a column `sequence_id` (unit and row), what is kept of AIRR's columns, and the
        unit's own metadata; and counts that add up: `rows` is the sum of all others.

    Raises:
        InputError: no line of metadata, no such columns, or a file that is cut off.
    """
    metadata, header = read_head(path)
    key = unwanted(metadata, wanted)
    if key is not None:
        rows = int(metadata.get("Unique sequences", 0) or 0)
        yield {READ: rows, f"{NOT_WANTED}{key} is {metadata.get(key, 'not told')}": rows}
        return
    chains = ("_heavy", "_light") if paired else ("",)
    columns = _columns(header, chains, path)
    name = PurePosixPath(urlsplit(path).path).name.removesuffix(".gz").removesuffix(".csv")
    first = 1
    try:
        for table in _tables(path, columns):
            kept, counts = _sieve(table, chains, complete)
            numbers = pa.array(np.arange(first, first + len(table)))
            first += len(table)
            yield {READ: len(table), **counts}
            yield _made(table, numbers, kept, name, metadata, chains)
    except (pa.ArrowInvalid, DamagedError) as error:
        raise InputError(
            "a unit that is cut off or damaged",
            file=path,
            where=f"after row {first - 1:,}",
            found=error,
            hint="fetch it again",
        ) from None


def read_head(path: str) -> tuple[dict[str, Any], list[str]]:
    """The metadata and the names of the columns.

    Raises:
        InputError: there are none.
    """
    try:
        with opened(path) as file:
            lines = [file.readline(_FIRST_LINES).decode("utf-8", "replace") for _ in range(2)]
    except DamagedError as error:
        raise InputError(
            "not a gzip file, or one that is cut off", file=path, found=error
        ) from None
    try:
        cells = next(csv.reader([lines[0]]), [])
        metadata = json.loads(cells[0]) if len(cells) == 1 else None
    except (json.JSONDecodeError, csv.Error):
        metadata = None
    if not isinstance(metadata, dict):
        raise InputError(
            "no line of metadata",
            file=path,
            where="row 1",
            found=lines[0][:60] or "nothing",
            expected="a data unit of OAS: its first line is one cell of JSON",
        )
    header = next(csv.reader([lines[1]]), [])
    if len(header) < 2:
        raise InputError("no row of column names", file=path, where="row 2",
                         found=lines[1][:60] or "nothing")  # fmt: skip
    return metadata, header


def _columns(header: Sequence[str], chains: Sequence[str], path: str) -> list[str]:
    for chain in chains:
        for name in _REQUIRED:
            if name + chain not in header:
                paired = f"{name}_heavy" in header
                raise InputError(
                    f"no column {name + chain!r}",
                    file=path,
                    where="row 2",
                    found=f"{len(header)} columns: {', '.join(header[:6])}, ...",
                    expected="a data unit of OAS",
                    hint="these are pairs: --paired" if paired and not chain else None,
                )
    return [name + chain for chain in chains for name in (*_REQUIRED, *_JUDGED, *_KEPT)
            if name + chain in header]  # fmt: skip


def _tables(path: str, columns: Sequence[str]) -> Iterator[pa.Table]:
    """Rows in pieces: parsed in small ones, which stay in the cache, and given in larger ones."""
    with opened(path) as text:
        held: list[pa.RecordBatch] = []
        for batch in arrow_csv.open_csv(
            pa.PythonFile(text, mode="r"),
            read_options=arrow_csv.ReadOptions(skip_rows=1, use_threads=False, block_size=_BLOCK),
            convert_options=arrow_csv.ConvertOptions(
                include_columns=list(columns),
                column_types={name: pa.string() for name in columns},
                null_values=[],
                strings_can_be_null=False,
            ),
        ):
            held.append(batch)
            if sum(map(len, held)) >= _ROWS:
                yield pa.Table.from_batches(held).combine_chunks()
                held = []
        if held:
            yield pa.Table.from_batches(held).combine_chunks()


def _sieve(
    table: pa.Table, chains: Sequence[str], complete: bool
) -> tuple[np.ndarray, dict[str, int]]:
    """(rows,) bool of those kept, and why others are not: each by its first reason."""
    left = np.ones(table.num_rows, dtype=bool)
    counts: dict[str, int] = {}

    def drop(reason: str, bad: np.ndarray) -> None:
        counts[reason] = counts.get(reason, 0) + int((left & bad).sum())
        left[bad] = False

    for chain in chains:
        of = f" ({chain[1:]})" if chain else ""
        empty, stop, other = _letters(table[AMINO_ACIDS + chain])
        drop(f"no sequence{of}", empty)
        drop(f"not productive{of}", ~_true(table["productive" + chain]))
        if "stop_codon" + chain in table.column_names:
            stop |= _true(table["stop_codon" + chain])
        drop(f"stop codon{of}", stop)
        if complete and "complete_vdj" + chain in table.column_names:
            drop(f"not complete{of}", ~_true(table["complete_vdj" + chain]))
        drop(f"letters outside the twenty{of}", other)
    counts[KEPT] = int(left.sum())
    return left, counts


def _true(column: Any) -> np.ndarray:
    found: np.ndarray = pc.is_in(column, _TRUE).to_numpy(zero_copy_only=False)
    return found.astype(bool)


def _letters(column: Any) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(rows,) bool each: no letter at all, a stop codon, a letter outside the twenty."""
    array = column.combine_chunks()
    offsets = np.frombuffer(array.buffers()[1], np.int32)[array.offset :][: len(array) + 1]
    text = np.frombuffer(array.buffers()[2] or b"", np.uint8)[offsets[0] : offsets[-1]]
    at = np.flatnonzero(_ODD[text])
    row = np.searchsorted(offsets - offsets[0], at, side="right") - 1
    stop, other = np.zeros((2, len(array)), dtype=bool)
    other[row] = True
    stop[row[text[at] == ord("*")]] = True
    return np.diff(offsets) == 0, stop, other


def _made(
    table: pa.Table,
    numbers: pa.Array,
    kept: np.ndarray,
    unit: str,
    metadata: Mapping[str, Any],
    chains: Sequence[str],
) -> pa.Table:
    rows = table
    if not kept.all():
        mask = pa.array(kept)
        rows, numbers = table.filter(mask), numbers.filter(mask)
    number = numbers.cast(pa.string())
    columns: dict[str, Any] = {
        "sequence_id": pc.binary_join_element_wise(pa.scalar(unit), number, ":")
    }
    empty = pa.array([""] * rows.num_rows, pa.string())
    for chain in chains:
        for name in (AMINO_ACIDS, *_KEPT):
            whole = name + chain
            columns[whole] = rows[whole] if whole in rows.column_names else empty
    for key in _OF_UNIT:
        value = pa.scalar(str(metadata.get(key, "")))
        columns[key.lower()] = pa.repeat(value, rows.num_rows)
    return pa.table(columns)
