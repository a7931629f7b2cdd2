"""Tables of samples into one file, by its ending, as they come: in little memory, whole or not."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from distrib.errors import InputError
from distrib.files import atomic_path, finite

if TYPE_CHECKING:
    import pandas as pd

Write = Callable[["pd.DataFrame"], None]
SEQUENCE = "sequence"  # the column that FASTA is made of


def check_ending(path: Path) -> None:
    """Raise InputError where no samples can be written to such a file, or its folder is missing."""
    if path.suffix not in WRITERS:
        raise InputError(
            "unsupported file extension",
            where="--out",
            found=path.name,
            expected=", ".join(WRITERS),
        )
    if not path.parent.is_dir():
        raise InputError("no such folder", where="--out", found=path.parent)


@contextmanager
def sample_file(path: Path) -> Iterator[Write]:
    """Takes tables of the same columns, one after another; the file is there when the block ends.

    `.csv` and `.tsv` have a header, `.json` is a list of objects, `.parquet` has the types of the
    first table, and FASTA has the column `sequence`: the first other column names a record, and all
    further ones follow it as `key=value`, values with spaces or quotes as JSON texts.

    Raises:
        InputError: a table that cannot be written in this form; nothing is left of the file.
    """
    check_ending(path)
    with atomic_path(path) as temporary, WRITERS[path.suffix](temporary) as write:
        yield write


@contextmanager
def _delimited(path: Path) -> Iterator[Write]:
    separator = "\t" if path.suffix == ".tsv" else ","
    with path.open("w", encoding="utf-8", newline="") as file:

        def write(frame: pd.DataFrame) -> None:
            frame.to_csv(file, index=False, sep=separator, header=file.tell() == 0)

        yield write


@contextmanager
def _json(path: Path) -> Iterator[Write]:
    with path.open("w", encoding="utf-8") as file:
        file.write("[")

        def write(frame: pd.DataFrame) -> None:
            for record in _records(frame):
                file.write(",\n" if file.tell() > 1 else "\n")
                file.write(json.dumps(finite(record), ensure_ascii=False, allow_nan=False))

        yield write
        file.write("\n]\n")


@contextmanager
def _parquet(path: Path) -> Iterator[Write]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    writer: Any = None

    def write(frame: pd.DataFrame) -> None:
        nonlocal writer
        if writer is None:
            table = pa.Table.from_pandas(frame, preserve_index=False)
            writer = pq.ParquetWriter(path, table.schema)
        else:
            table = pa.Table.from_pandas(frame, schema=writer.schema, preserve_index=False)
        writer.write_table(table)

    try:
        yield write
    finally:
        if writer is not None:
            writer.close()


@contextmanager
def _fasta(path: Path) -> Iterator[Write]:
    written = 0
    with path.open("w", encoding="utf-8") as file:

        def write(frame: pd.DataFrame) -> None:
            nonlocal written
            if SEQUENCE not in frame.columns:
                raise InputError(
                    "FASTA needs sequences",
                    where="--out",
                    found=f"the columns {', '.join(frame.columns)}",
                    expected=f"a column {SEQUENCE}",
                    hint="another ending takes any table: .csv, .json or .parquet",
                )
            for record in _records(frame):
                written += 1
                _write_record(file, record, written)

        yield write


def _write_record(file: IO[str], record: dict[str, Any], number: int) -> None:
    sequence = record.pop(SEQUENCE)
    if not isinstance(sequence, str) or re.search(r"[\s>]", sequence):
        raise InputError(
            "not a sequence",
            where=f"sample {number}, column {SEQUENCE}",
            found=repr(sequence),
            expected="letters",
        )
    name, *others = record.items() if record else [("", f"sample_{number}")]
    head = [re.sub(r"\s+", "_", str(name[1]))]
    head += [f"{_word(key)}={_word(value)}" for key, value in others if not _absent(value)]
    file.write(f">{' '.join(head)}\n{sequence}\n")


def _word(value: Any) -> str:
    """A value as one word of a header."""
    text = f"{value:.6g}" if isinstance(value, float) else str(value)
    return json.dumps(text, ensure_ascii=False) if re.search(r'[\s"=]', text) else text


def _absent(value: Any) -> bool:
    return value is None or (isinstance(value, float) and math.isnan(value))


def _records(frame: pd.DataFrame) -> list[dict[str, Any]]:
    """The rows, their values as Python's own."""
    columns = {str(name): _plain(frame[name].tolist()) for name in frame.columns}
    return [dict(zip(columns, row)) for row in zip(*columns.values())]


def _plain(values: list[Any]) -> list[Any]:
    return [value.tolist() if hasattr(value, "tolist") else value for value in values]


WRITERS: dict[str, Callable[[Path], Any]] = {
    ".csv": _delimited,
    ".tsv": _delimited,
    ".json": _json,
    ".parquet": _parquet,
    ".fasta": _fasta,
    ".fa": _fasta,
}
