"""Records of antibodies, antigens and affinities, as JSON or as a table.

A record is `antibody_heavy`, `antibody_light` (may be empty), `antigen_sequence` and `pKd`; a table
may have `antibody_sequence` instead of the two chains, as heavy|light. Other keys are kept.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import reduce
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from distrib.data.antibodies.alphabet import Cleaned, OnUnknown, clean
from distrib.data.files.ids import Ids, as_ids
from distrib.data.files.tables import as_text, read_table
from distrib.data.files.text import open_text
from distrib.errors import InputError, nearest

HEAVY, LIGHT, ANTIGEN, PKD, PAIR = (
    "antibody_heavy",
    "antibody_light",
    "antigen_sequence",
    "pKd",
    "antibody_sequence",
)
HIGHEST = 20.0
"""A pKd lies above 0 and below this."""


@dataclass(frozen=True)
class Records:
    """Antibodies, each with an antigen and an affinity.

    Attributes:
        heavy, light, antigen: sequences of the twenty letters and X, upper-case; light may be "".
        pkd: (records,) float64, -log10 of the dissociation constant in mol/l.
        columns: every other key, as it stood there.
        notes: what was changed or assumed, a line each.
    """

    ids: Ids
    heavy: list[str]
    light: list[str]
    antigen: list[str]
    pkd: np.ndarray
    columns: pd.DataFrame
    notes: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.heavy)

    def take(self, rows: np.ndarray) -> Records:
        """The part with these rows, in their order."""
        return replace(
            self,
            ids=self.ids.take(rows),
            heavy=[self.heavy[i] for i in rows],
            light=[self.light[i] for i in rows],
            antigen=[self.antigen[i] for i in rows],
            pkd=self.pkd[rows],
            columns=self.columns.iloc[rows].reset_index(drop=True),
        )

    def frame(self) -> pd.DataFrame:
        """A table that `read_records` takes, ids first."""
        own = {
            "id": self.ids.values,
            HEAVY: self.heavy,
            LIGHT: self.light,
            ANTIGEN: self.antigen,
            PKD: self.pkd,
        }
        rest = self.columns.drop(columns=[c for c in own if c in self.columns])
        return pd.concat([pd.DataFrame(own), rest.reset_index(drop=True)], axis=1)


def read_records(
    path: Path, *, on_unknown: OnUnknown = "error", pkd: bool = True, empty_heavy: bool = False
) -> Records:
    """Read and check the records of a JSON file, of a table, or of a folder that has one of them.

    Args:
        on_unknown: what becomes of letters outside the twenty, see `alphabet.clean`.
        pkd: whether an affinity is needed; else it is nan where it is missing.
        empty_heavy: whether a heavy chain may be empty, as in a design that went wrong.

    Raises:
        InputError: naming the record, or line and column of what is no JSON.
    """
    file = _file(path)
    if file.suffix == ".json":
        names, cells, rows, place = _json_cells(file)
    else:
        frame = read_table(file)
        names = [str(name) for name in frame.columns]
        cells = {name: frame[name].tolist() for name in names}
        rows, place = [int(row) for row in frame.index], "row"
    if not rows:
        raise InputError("no records", file=file, expected="one at least")
    if PAIR in names and HEAVY not in names:
        pairs = [as_text(cell).partition("|") for cell in cells[PAIR]]
        cells[HEAVY], cells[LIGHT] = [p[0] for p in pairs], [p[2] for p in pairs]
        names = [name for name in names if name != PAIR] + [HEAVY, LIGHT]
    for needed in (HEAVY, ANTIGEN, *((PKD,) if pkd else ())):
        if needed not in names:
            raise InputError(
                "this key is missing",
                file=file,
                where=needed,
                found=", ".join(names[:12]),
                expected=f"{HEAVY}, {LIGHT}, {ANTIGEN} and {PKD}",
                hint=nearest(needed, names),
            )
    ids = as_ids(cells["id"] if "id" in names else [f"r{row}" for row in rows], file, rows)
    empty = [""] * len(rows)

    def checked(name: str, *, may_be_empty: bool = False) -> Cleaned:
        return clean(
            [as_text(cell) for cell in cells.get(name, empty)],
            on_unknown,
            file=file,
            place=lambda i: f"{place} {rows[i]}, {name}",
            empty=may_be_empty,
        )

    notes = []
    cleaned = [
        checked(HEAVY, may_be_empty=empty_heavy),
        checked(LIGHT, may_be_empty=True),
        checked(ANTIGEN),
    ]
    left = reduce(np.intersect1d, [found.kept for found in cleaned])
    if len(left) < len(rows):
        lost = len(rows) - len(left)
        what = f"{lost:,} record{'s' * (lost != 1)}"
        notes.append(f"{what} with letters outside the twenty: left out")
        if not len(left):
            raise InputError("no record is left", file=file, found=notes[0])
    elif unknown := sum(found.unknown for found in cleaned):
        have = "sequence has" if unknown == 1 else "sequences have"
        notes.append(f"{unknown:,} {have} letters outside the twenty, read as X")
    heavy, light, antigen = (
        [found.sequences[k] for k in np.searchsorted(found.kept, left)] for found in cleaned
    )
    cells = {name: [column[i] for i in left] for name, column in cells.items()}
    ids, rows = ids.take(left), [rows[i] for i in left]
    others = [name for name in names if name not in ("id", HEAVY, LIGHT, ANTIGEN, PKD)]
    columns = pd.DataFrame({name: cells[name] for name in others}, index=range(len(rows)))
    values = _affinities(cells.get(PKD, [None] * len(rows)), file, place, rows, pkd)
    return Records(ids, heavy, light, antigen, values, columns, tuple(notes))


def _file(path: Path) -> Path:
    if not path.is_dir():
        return path
    found = [p for p in sorted(path.iterdir()) if p.suffix in (".json", ".csv", ".tsv", ".parquet")]
    if len(found) != 1:
        raise InputError(
            "not one file of records",
            file=path,
            found=", ".join(p.name for p in found) or "none",
            expected="one .json, .csv, .tsv or .parquet",
        )
    return found[0]


def _json_cells(file: Path) -> tuple[list[str], dict[str, list[Any]], list[int], str]:
    try:
        with open_text(file) as text:
            content = json.load(text)
    except json.JSONDecodeError as error:
        raise InputError(
            "this is no JSON", file=file, where=f"line {error.lineno}, column {error.colno}",
            found=error.msg, expected="an array of records",
        ) from None  # fmt: skip
    if not isinstance(content, list):
        raise InputError(
            "this is no array", file=file, found=type(content).__name__,
            expected="an array of records",
        )  # fmt: skip
    names: list[str] = []
    for number, record in enumerate(content, 1):
        if not isinstance(record, dict):
            raise InputError(
                "this is no record", file=file, where=f"record {number}",
                found=type(record).__name__, expected="an object",
            )  # fmt: skip
        names += [name for name in record if name not in names]
    for number, record in enumerate(content, 1):
        for name in (HEAVY, ANTIGEN, PKD):
            if name in names and name not in record:
                raise InputError(
                    "this key is missing", file=file, where=f"record {number}", expected=name
                )
    cells = {name: [record.get(name) for record in content] for name in names}
    return names, cells, list(range(1, len(content) + 1)), "record"


def _affinities(
    cells: Sequence[Any], file: Path, place: str, rows: Sequence[int], needed: bool
) -> np.ndarray:
    values = np.full(len(cells), np.nan)
    for i, cell in enumerate(cells):
        text = as_text(cell).strip() if cell is not None else ""
        if not text and not needed:
            continue
        try:
            value = float(text)
        except ValueError:
            value = np.nan
        if not 0 < value < HIGHEST:
            raise InputError(
                "not an affinity",
                file=file,
                where=f"{place} {rows[i]}, {PKD}",
                found=repr(text) if text else "nothing",
                expected=f"a number above 0 and below {HIGHEST:g}: -log10 of Kd in mol/l",
                hint="a Kd of 1 nM is a pKd of 9" if np.isfinite(value) else None,
            )
        values[i] = value
    return values
