"""Sequences by id, of nucleotides or amino acids, from a FASTA file or a table."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Literal

import numpy as np

from distrib.data.files.fasta import FASTA_SUFFIXES, read_fasta
from distrib.data.files.ids import Ids, as_ids
from distrib.data.files.labels import assumed_column, id_column_of
from distrib.data.files.tables import as_text, read_table
from distrib.data.files.text import TABLE_SUFFIXES, suffix
from distrib.errors import InputError, nearest

SEQUENCE_SUFFIXES = (*FASTA_SUFFIXES, *TABLE_SUFFIXES)
COLUMN = "sequence"

Letters = Literal["nucleotides", "amino acids"]

_OTHER: dict[Letters, re.Pattern[bytes]] = {
    "nucleotides": re.compile(rb"[^ACGTN]"),
    "amino acids": re.compile(rb"[^A-IK-Z]"),
}
_NAMES: dict[Letters, tuple[str, str]] = {
    "nucleotides": ("a letter that is no nucleotide", "A, C, G, T or N"),
    "amino acids": ("a letter that is no amino acid", "letters of IUPAC, A to Z without J"),
}
_HINTS: dict[Letters, dict[bytes, str]] = {
    "nucleotides": {b"U": "write T for U"},
    "amino acids": {b"*": "leave out stops", b"-": "leave out gaps"},
}


def read_sequences(path: Path, letters: Letters = "nucleotides") -> tuple[Ids, np.ndarray]:
    """Ids and (rows,) bytes of upper-case A, C, G, T and N; or of amino acids, X, B, Z, U, O too.

    A FASTA file has the id first in its headers. A table (CSV, TSV, parquet) has a column
    `sequence`, and its ids where other tables have them.

    Raises:
        InputError: naming the row of a sequence that is missing or has another letter.
    """
    if suffix(path) in FASTA_SUFFIXES:
        records = [(row, (header.split() or [""])[0], s) for row, header, s in read_fasta(path)]
        ids = as_ids([name for _, name, _ in records], path, [row for row, _, _ in records])
        return ids, as_sequences([s for _, _, s in records], ids, letters)
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
    return ids, as_sequences([as_text(cell) for cell in frame[COLUMN].tolist()], ids, letters)


def as_sequences(texts: Sequence[str], ids: Ids, letters: Letters = "nucleotides") -> np.ndarray:
    """(rows,) bytes in upper case; raises naming the row of any letter that is none of these."""
    return np.array(list(_checked(texts, ids, letters)), dtype=bytes)


def _checked(texts: Sequence[str], ids: Ids, letters: Letters) -> Iterator[bytes]:
    problem, expected = _NAMES[letters]
    for position, text in enumerate(texts):
        sequence = text.upper().encode("utf-8")
        if not sequence:
            raise InputError("a row without sequence", file=ids.file, where=ids.place(position))
        if odd := _OTHER[letters].search(sequence):
            raise InputError(
                problem,
                file=ids.file,
                where=f"{ids.place(position)}, position {odd.start() + 1}",
                found=repr(text[odd.start()]),
                expected=expected,
                hint=_HINTS[letters].get(odd[0]),
            )
        yield sequence
