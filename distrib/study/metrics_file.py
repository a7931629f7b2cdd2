"""`metrics.csv` of one trial: appended row by row by the driver, a torn last line taken back."""

from __future__ import annotations

import csv
import io
from pathlib import Path


class MetricsFile:
    """Appends rows; the first row of a new file sets the columns.

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
        lines = content[:end].decode().splitlines()
        if lines:
            self._columns = next(csv.reader(lines[:1]))
        if len(lines) > 1:
            row = next(csv.reader(lines[-1:]))
            self.last_step = int(row[self._columns.index("step")])

    def append(self, rows: list[dict[str, float]]) -> None:
        """Write rows; a name that the first row lacked is refused by the caller's contract.

        Raises:
            OSError: a full or read-only disk.
        """
        if not rows:
            return
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        if not self._columns:
            self._columns = list(rows[0])
            writer.writerow(self._columns)
        for row in rows:
            writer.writerow([_cell(row.get(column)) for column in self._columns])
        with self.path.open("a", encoding="utf-8") as file:
            file.write(text.getvalue())
        self.last_step = int(rows[-1]["step"])


def _cell(value: float | None) -> str:
    if value is None:
        return ""
    return str(value) if isinstance(value, int) else repr(float(value))


def read_metrics(path: Path) -> list[dict[str, float]]:
    """The whole rows of a `metrics.csv`; empty cells are left out."""
    if not path.exists():
        return []
    content = path.read_bytes()
    lines = content[: content.rfind(b"\n") + 1].decode().splitlines()
    return [
        {key: float(value) for key, value in row.items() if value not in ("", None)}
        for row in csv.DictReader(lines)
    ]
