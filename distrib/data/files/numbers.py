"""Numbers from the cells of a table: strict, and aware of decimal commas.

A table is read with decimal points first. Where that fails on a decimal comma (`0,35`), it is read
once more with commas, and then every number of it must be written so.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import TypeVar

import numpy as np

from distrib.errors import InputError

MISSING = frozenset({"", "NA", "N/A", "na", "n/a", "NaN", "nan", "NAN", "null", "NULL", "None"})

_POINT = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")
_COMMA = re.compile(r"[+-]?\d*,\d+([eE][+-]?\d+)?")
_THOUSANDS = re.compile(r"[+-]?[1-9]\d{0,2}(,\d{3})+")
_INFINITE = re.compile(r"[+-]?(inf|infinity|∞)", re.IGNORECASE)
_EXCEL_ERROR = re.compile(r"#(DIV/0!|VALUE!|REF!|NAME\?|NUM!|NULL!|N/A)")

T = TypeVar("T")


class _DecimalCommaError(Exception):
    """A cell reads as a number only with a decimal comma."""


class Numbers:
    """Reads cells under one decimal sign.

    Args:
        file: named in errors.
        comma: whether the decimal sign is a comma.
    """

    def __init__(self, file: object, comma: bool = False) -> None:
        self.file = file
        self.comma = comma
        self._certain = not comma
        self._first_comma: tuple[str, str] | None = None

    def parse(self, cells: Sequence[str], place: Callable[[int], str]) -> np.ndarray:
        """(cells,) float64, NaN where a cell says that nothing was measured.

        Args:
            cells: stripped of white space.
            place: names the row and column of the i-th cell, for errors.

        Raises:
            InputError: naming the first cell that is no finite number.
        """
        text = "".join(cells)
        try:
            values = _floats([c.replace(",", ".") for c in cells] if self.comma else cells)
            if "_" in text or (self.comma and "." in text) or np.isinf(values).any():
                raise ValueError
        except ValueError:
            raise self._complaint(cells, place) from None
        if not self._certain and "," in text:
            self._look_at_commas(cells, place)
        return values

    def finish(self) -> None:
        """Raise where every comma may as well part thousands as decimals."""
        if not self._certain and self._first_comma is not None:
            cell, where = self._first_comma
            raise InputError(
                "a comma that may be a decimal comma or a thousands separator",
                file=self.file,
                where=where,
                found=repr(cell),
                expected="numbers with a decimal point and no thousands separators",
            )

    def _look_at_commas(self, cells: Sequence[str], place: Callable[[int], str]) -> None:
        for i, cell in enumerate(cells):
            if "," in cell:
                self._first_comma = self._first_comma or (cell, place(i))
                self._certain = self._certain or not _THOUSANDS.fullmatch(cell)

    def _complaint(self, cells: Sequence[str], place: Callable[[int], str]) -> Exception:
        for i, cell in enumerate(cells):
            if cell in MISSING:
                continue
            if not self.comma and _COMMA.fullmatch(cell):
                return _DecimalCommaError()
            point = cell.replace(",", ".") if self.comma else cell
            if self.comma and _POINT.fullmatch(cell) and "." in cell:
                problem, hint = "decimal points and decimal commas in one table", None
            elif _INFINITE.fullmatch(cell):
                problem = "an infinite number"
                hint = "leave a cell empty where nothing could be measured"
            elif not _POINT.fullmatch(point):
                problem, hint = "text where a number is expected", _hint(cell)
            elif np.isinf(float(point)):
                problem, hint = "a number too large", None
            else:
                continue
            return InputError(
                problem,
                file=self.file,
                where=place(i),
                found=repr(cell),
                expected="a finite number" + (" with a decimal comma" if self.comma else ""),
                hint=hint,
            )
        raise AssertionError(f"no cell at fault in {cells!r}")


def with_either_sign(read: Callable[[Numbers], T], file: object, notes: list[str] | None) -> T:
    """What `read` makes of a table, with decimal points or, failing that, decimal commas.

    Args:
        read: reads the whole table; called a second time where the first met a decimal comma.
        notes: gets a line where commas were read.
    """
    try:
        return read(Numbers(file))
    except _DecimalCommaError:
        numbers = Numbers(file, comma=True)
        result = read(numbers)
        numbers.finish()
        if notes is not None:
            notes.append(f"{file}: decimal commas were read as decimal points")
        return result


def _floats(cells: Sequence[str]) -> np.ndarray:
    try:
        return np.fromiter(map(float, cells), dtype=float, count=len(cells))
    except ValueError:
        return np.array([np.nan if c in MISSING else float(c) for c in cells], dtype=float)


def _hint(cell: str) -> str:
    if _EXCEL_ERROR.fullmatch(cell):
        return "a formula failed in the spreadsheet: mend it there, or leave the cell empty"
    if _THOUSANDS.fullmatch(cell):
        return "write numbers without thousands separators"
    return "leave a cell empty, or write NA, where nothing was measured"
