"""Rows that come again: the same row under one id, or another row under it."""

from __future__ import annotations

from collections.abc import Sequence

_ROW_BITS = 40


class Repeats:
    """Remembers the rows of one file by what names their sequences.

    Attributes:
        rival: the first row that differs from an earlier one of its id, as (id, earlier row, row).
    """

    def __init__(self) -> None:
        # Two 64-bit numbers a row: a file has tens of millions of them at most.
        self._seen: dict[int, int] = {}
        self.rival: tuple[str, int, int] | None = None

    def look(self, subject: str, name: str, row: Sequence[str], number: int) -> tuple[str, int]:
        """What a row is: "new", "same" as an earlier one or "rival" of it; and that row's number.

        Args:
            name: of its sequence; one without a name is new. row: all its cells.
        """
        if not name:
            return "new", number
        key, content = hash((subject, name)), hash(tuple(row)) & ((1 << 64) - 1)
        known = self._seen.setdefault(key, content << _ROW_BITS | number)
        first = known & ((1 << _ROW_BITS) - 1)
        if first == number:
            return "new", number
        if known >> _ROW_BITS == content:
            return "same", first
        if self.rival is None:
            self.rival = (name, first, number)
        return "rival", first
