"""FASTA files, record by record."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from distrib.data.files.text import read_lines
from distrib.errors import InputError

FASTA_SUFFIXES = (".fasta", ".fa", ".fna")


def read_fasta(path: Path) -> Iterator[tuple[int, str, str]]:
    """Row of the header, header without its `>`, and sequence as it stands, of each record.

    Raises:
        InputError: where the file is missing, empty or not text, or a sequence has no header.
    """
    row, header = 0, ""
    parts: list[str] = []
    for number, line in enumerate(read_lines(path), 1):
        if line.startswith(">"):
            if row:
                yield row, header, "".join(parts)
            row, header, parts = number, line[1:], []
        elif line and not row:
            raise InputError(
                "a sequence before the first header",
                file=path,
                where=f"row {number}",
                found=repr(line[:30]),
                expected="a header, such as >TRBV19*01",
            )
        else:
            parts.append(line)
    yield row, header, "".join(parts)
