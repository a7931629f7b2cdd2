"""Ids of rows, and the join of two files by them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from distrib.data.files.names import mostly_words, spreadsheet_damage, without_version
from distrib.data.files.tables import as_text
from distrib.errors import InputError

_SHOWN = 5


@dataclass(frozen=True)
class Ids:
    """The ids of a file's rows: each there, once, and as it was before any spreadsheet.

    Attributes:
        values: (rows,) str. file: where they come from.
        rows: (rows,) int64, how the file's reader counts them (from 1, with a header as row 1).
        assumed: the column they were taken from only because it is the first.

    Raises:
        InputError: naming the row of an id that is missing, damaged or there twice.
    """

    values: np.ndarray
    rows: np.ndarray
    file: Path
    assumed: str | None = None

    def __post_init__(self) -> None:
        seen: dict[str, int] = {}
        hint = self.assumption()
        names = self.values.tolist()
        among_words = mostly_words(names)
        for row, name in zip(self.rows.tolist(), names):
            if not name:
                raise InputError(
                    "a row without an id", file=self.file, where=f"row {row}", hint=hint
                )
            refuse_damage(name, self.file, f"row {row}", among_words)
            if name in seen:
                raise InputError(
                    f"duplicate id {name!r}",
                    file=self.file,
                    where=f"rows {seen[name]} and {row}",
                    expected="one row for each id",
                    hint=hint,
                )
            seen[name] = row

    def __len__(self) -> int:
        return len(self.values)

    def assumption(self) -> str | None:
        """What was taken for granted of them, in one line."""
        if self.assumed is None:
            return None
        return (
            f"{self.file.name} has no column called `id`: its first, {self.assumed!r}, was taken "
            "for the ids"
        )

    def take(self, positions: np.ndarray) -> Ids:
        """Those at `positions`."""
        return replace(self, values=self.values[positions], rows=self.rows[positions])

    def place(self, position: int) -> str:
        """Names one row, for errors."""
        return f"row {self.rows[position]} ({self.values[position]})"


def refuse_damage(name: str, file: object, where: str, among_words: bool = False) -> None:
    """Raise where a spreadsheet has made a date, a number of days or a power of ten of a name.

    Args:
        among_words: whether the names beside it are; see `spreadsheet_damage`.
    """
    if original := spreadsheet_damage(name, among_words):
        raise InputError(
            "a name that a spreadsheet has changed",
            file=file,
            where=where,
            found=repr(name),
            expected=f"probably {original}",
            hint="export again with this column as text; if it is the true name, put a prefix "
            "before it in every file",
        )


def as_ids(
    names: Sequence[object],
    file: Path,
    rows: Sequence[int] | None = None,
    assumed: str | None = None,
) -> Ids:
    """`Ids` of anything that reads as a name; rows are counted from 1 where not given."""
    values = [as_text(name) for name in names]
    numbers = np.arange(1, len(values) + 1) if rows is None else np.asarray(rows, dtype=np.int64)
    return Ids(np.array(values, dtype=str), numbers, file, assumed)


def join(
    left: Ids, right: Ids, notes: list[str], way_on: Callable[[], str | None] = lambda: None
) -> tuple[Ids, np.ndarray, np.ndarray]:
    """The ids both have, in the order of `left`.

    Ensembl versions are removed from both sides where more ids match without them.

    Args:
        notes: gets a line for ids without partner and one for versions removed.
        way_on: a hint for where none is common, looked for then alone.

    Returns:
        the common ids (as in `left`), and their positions in `left` and in `right`.

    Raises:
        InputError: where none is common, or two ids of one file differ in their version only.
    """
    common = set(left.values.tolist()) & set(right.values.tolist())
    bare = [{without_version(name) for name in side.values.tolist()} for side in (left, right)]
    if len(bare[0] & bare[1]) > len(common):
        notes.append(
            f"Ensembl versions were removed: {len(bare[0] & bare[1])} ids of {left.file.name} and "
            f"{right.file.name} match without them, {len(common)} with them"
        )
        left, right = _without_versions(left), _without_versions(right)
    where = {name: position for position, name in enumerate(right.values.tolist())}
    pairs = [(i, where[name]) for i, name in enumerate(left.values.tolist()) if name in where]
    if not pairs:
        raise _nothing_common(left, right, way_on())
    of_left, of_right = np.array(pairs, dtype=np.int64).T
    for side, other, used in ((left, right, of_left), (right, left, of_right)):
        lonely = np.delete(side.values, used)
        if len(lonely):
            notes.append(
                f"{len(lonely)} of {len(side)} ids of {side.file.name} are not in "
                f"{other.file.name} and were left out: {examples(lonely)}"
            )
    return left.take(of_left), of_left, of_right


def examples(names: Sequence[str] | np.ndarray) -> str:
    """The first few names, and an ellipsis where there are more."""
    shown = ", ".join(str(name) for name in names[:_SHOWN])
    return f"{shown}, ..." if len(names) > _SHOWN else shown


def counted(number: int, thing: str) -> str:
    """`1 cell`, `1,200 cells`."""
    return f"{number:,} {thing}{'s' * (number != 1)}"


def _without_versions(ids: Ids) -> Ids:
    """Two versions of one gene would be one id: `Ids` refuses that by name and rows."""
    values = np.array([without_version(name) for name in ids.values.tolist()], dtype=str)
    try:
        return replace(ids, values=values)
    except InputError as error:
        raise InputError(
            "two ids differ in their Ensembl version only",
            file=ids.file,
            found=str(error).splitlines()[0],
            expected="one version of each gene, or the same versions in both files",
        ) from None


def _nothing_common(left: Ids, right: Ids, way_on: str | None) -> InputError:
    lower = [{name.lower() for name in side.values.tolist()} for side in (left, right)]
    hints = [side.assumption() for side in (left, right)]
    if lower[0] & lower[1]:
        hints = ["they would match but for upper and lower case"]
    hints = [way_on] if way_on else hints
    return InputError(
        "no id in common",
        file=f"{left.file} and {right.file}",
        found=f"{len(left)} ids ({examples(left.values)}) and {len(right)} ids "
        f"({examples(right.values)})",
        expected="the same ids in both",
        hint="; ".join(filter(None, hints)) or None,
    )
