"""Nucleotide sequences by id, from a FASTA file or a table."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from distrib.data.files.fasta import FASTA_SUFFIXES, read_fasta
from distrib.data.files.ids import Ids, as_ids
from distrib.data.files.labels import assumed_column, id_column_of
from distrib.data.files.tables import as_text, read_table
from distrib.data.files.text import TABLE_SUFFIXES, suffix
from distrib.errors import InputError, nearest

SEQUENCE_SUFFIXES = (*FASTA_SUFFIXES, *TABLE_SUFFIXES)
COLUMN = "sequence"

_OTHER = re.compile(rb"[^ACGTN]")


def read_sequences(path: Path) -> tuple[Ids, np.ndarray]:
    """Ids and (rows,) bytes of upper-case A, C, G, T and N.

    A FASTA file has the id first in its headers. A table (CSV, TSV, parquet) has a column
    `sequence`, and its ids where other tables have them.

    Raises:
        InputError: naming the row of a sequence that is missing or has another letter.
    """
    if suffix(path) in FASTA_SUFFIXES:
        records = [(row, (header.split() or [""])[0], s) for row, header, s in read_fasta(path)]
        ids = as_ids([name for _, name, _ in records], path, [row for row, _, _ in records])
        return ids, as_sequences([s for _, _, s in records], ids)
    frame = read_table(path)
    names = list(frame.columns)
    if COLUMN not in names:
        raise InputError(
            f"no column {COLUMN!r}",
            file=path,
            found=", ".join(names[:8]),
            hint=nearest(COLUMN, names),
        )
    ids = as_ids(
        frame[id_column_of(names)].tolist(),
        path,
        frame.index.tolist(),
        assumed_column(names, path),
    )
    return ids, as_sequences([as_text(cell) for cell in frame[COLUMN].tolist()], ids)


def as_sequences(texts: Sequence[str], ids: Ids) -> np.ndarray:
    """(rows,) bytes of nucleotides in upper case; raises naming the row of any that is none."""
    return np.array(list(_checked(texts, ids)), dtype=bytes)


def _checked(texts: Sequence[str], ids: Ids) -> Iterator[bytes]:
    for position, text in enumerate(texts):
        sequence = text.upper().encode("utf-8")
        if not sequence:
            raise InputError("a row without sequence", file=ids.file, where=ids.place(position))
        if odd := _OTHER.search(sequence):
            raise InputError(
                "a letter that is no nucleotide",
                file=ids.file,
                where=f"{ids.place(position)}, position {odd.start() + 1}",
                found=repr(text[odd.start()]),
                expected="A, C, G, T or N",
                hint="write T for U" if odd[0] == b"U" else None,
            )
        yield sequence
