"""`metrics.csv` of one trial: appended row by row by the driver, a torn last line taken back."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from pathlib import Path

from distrib.files import atomic_write
from distrib.trial_files import whole_cells


class MetricsFile:
    """Appends rows; the first row of a new file sets the columns, to which a later one may add.

    Attributes:
        last_step: the step of the last whole row, 0 before the first.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.last_step = 0
        self._columns: list[str] = []
        if path.exists():
            self._recover()

    def _recover(self) -> None:
        content = self.path.read_bytes()
        end = content.rfind(b"\n") + 1
        if end < len(content):
            with self.path.open("r+b") as file:
                file.truncate(end)
        names, *rows = whole_cells(self.path) or [[]]
        self._columns = names
        if rows:
            self.last_step = int(rows[-1][names.index("step")])

    def append(self, rows: list[dict[str, float]]) -> None:
        """Write rows.

        Raises:
            OSError: a full or read-only disk.
        """
        if not rows:
            return
        columns = list(dict.fromkeys([*self._columns, *(name for row in rows for name in row)]))
        lines = [] if self._columns else [columns]
        if self._columns and columns != self._columns:
            self._widen(columns)
        self._columns = columns
        lines += [[_cell(row.get(column)) for column in columns] for row in rows]
        with self.path.open("a", encoding="utf-8") as file:
            file.write(_lines(lines))
        self.last_step = int(rows[-1]["step"])

    def _widen(self, columns: list[str]) -> None:
        """Give what was written so far empty cells under the new names, which are the last."""
        before = self.path.read_text(encoding="utf-8").splitlines()[1:]
        cells = "," * (len(columns) - len(self._columns))
        wider = "".join(f"{line}{cells}\n" for line in before)
        atomic_write(self.path, _lines([columns]) + wider, durable=True)


def _lines(rows: Sequence[Sequence[str]]) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(rows)
    return text.getvalue()


def _cell(value: float | None) -> str:
    if value is None:
        return ""
    return str(value) if isinstance(value, int) else repr(float(value))
