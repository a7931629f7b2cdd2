"""Rows that come again: the same row under one id, or another row under it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

_ROW_BITS = 40

Again = tuple[str, int] | None
"""Of a row with the id of an earlier one: "same" or "rival", and that row's number."""


class Repeats:
    """Remembers the rows of one file by what names their sequences.

    Args:
        column: that names sequences; None where none does: then a row is named by all its cells,
            and what is equal is counted all the same, since nothing says that it is one sequence.
    """

    def __init__(self, column: str | None, file: Path) -> None:
        self.column = column
        self.file = file
        # Two 64-bit numbers a row: a file has tens of millions of them at most.
        self._seen: dict[int, int] = {}
        self._rival: tuple[str, int, int] | None = None
        self._equal = self._rivals = 0

    def look(self, subject: str, name: str, row: Sequence[str], number: int) -> Again:
        """What is to be made of a row.

        Args:
            name: of its sequence; one without a name is new. row: all its cells.
        """
        if self.column is None:
            name = "\t".join(row)
        if not name:
            return None
        key, content = hash((subject, name)), hash(tuple(row)) & ((1 << 64) - 1)
        known = self._seen.setdefault(key, content << _ROW_BITS | number)
        first = known & ((1 << _ROW_BITS) - 1)
        if first == number:
            return None
        if self.column is None:
            self._equal += 1
            return None
        if known >> _ROW_BITS == content:
            return "same", first
        self._rivals += 1
        self._rival = self._rival or (name, first, number)
        return "rival", first

    def told(self) -> dict[str, int]:
        """What is to be said of the rows since the last call -> of how many of them."""
        said = {}
        if self._rivals and self._rival:
            name, first, second = self._rival
            said[
                f"{self.file.name}: a {self.column} that another row has, and yet they differ; all "
                f"are counted, such as {name[:40]} in rows {first} and {second}"
            ] = self._rivals
        if self._equal:
            said[
                "equal an earlier row in every column; no column names sequences, so all are "
                "counted"
            ] = self._equal
        self._equal = self._rivals = 0
        return said
