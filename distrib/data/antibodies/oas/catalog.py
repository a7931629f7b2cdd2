"""The catalogue: what every data unit says of itself, and where it lies."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from distrib.data.antibodies.oas.filters import Wanted, unwanted
from distrib.data.files.tables import read_rows
from distrib.errors import InputError

UNPAIRED, PAIRED = "unpaired", "paired"
_COLUMNS = ("collection", "url", "n_unique_sequences", "Species", "Chain", "Disease", "Vaccine",
            "BType", "BSource")  # fmt: skip


@dataclass(frozen=True)
class Entry:
    """One unit: `metadata` by the catalogue's columns, and the number of its sequences."""

    url: str
    sequences: int
    metadata: dict[str, str]


def read_catalog(path: Path, collection: str) -> list[Entry]:
    """The units of one collection, of a table or of all tables (.tsv, .csv) of a folder.

    Raises:
        InputError: no such file, a missing column, or a number that is none.
    """
    files = sorted([*path.glob("*.tsv"), *path.glob("*.csv")]) if path.is_dir() else [path]
    if not files:
        raise InputError("no table in this folder", file=path, expected=".tsv or .csv files")
    entries: list[Entry] = []
    for file in files:
        rows = read_rows(file)
        _, header = next(rows)
        for column in _COLUMNS:
            if column not in header:
                raise InputError(f"no column {column!r}", file=file, found=", ".join(header[:8]),
                                 expected="a catalogue of OAS: " + ", ".join(_COLUMNS))  # fmt: skip
        for number, cells in rows:
            row = dict(zip(header, cells))
            if row["collection"] != collection:
                continue
            if not row["n_unique_sequences"].isdigit():
                raise InputError("a number of sequences that is none", file=file,
                                 where=f"row {number}, column 'n_unique_sequences'",
                                 found=repr(row["n_unique_sequences"]))  # fmt: skip
            entries.append(Entry(row["url"], int(row["n_unique_sequences"]), row))
    if not entries:
        raise InputError(f"no {collection} unit in this catalogue", file=path)
    return entries


@dataclass(frozen=True)
class Selection:
    """What filters leave of a catalogue.

    Attributes:
        entries: of the units that are wanted. left_out: (units, sequences) by the first key that
            does not fit.
    """

    entries: list[Entry]
    left_out: dict[str, tuple[int, int]]

    @property
    def sequences(self) -> int:
        """In all units that are wanted."""
        return sum(entry.sequences for entry in self.entries)

    def by(self, *keys: str) -> list[tuple[tuple[str, ...], int, int]]:
        """Values of these keys, units and sequences, most sequences first."""
        units: Counter[tuple[str, ...]] = Counter()
        sequences: Counter[tuple[str, ...]] = Counter()
        for entry in self.entries:
            values = tuple(entry.metadata[key] for key in keys)
            units[values] += 1
            sequences[values] += entry.sequences
        return [(values, units[values], count) for values, count in sequences.most_common()]


def select(entries: Sequence[Entry], wanted: Wanted) -> Selection:
    """The units that filters want, and by which key the others are not."""
    kept = []
    left_out: dict[str, tuple[int, int]] = {}
    for entry in entries:
        key = unwanted(entry.metadata, wanted)
        if key is None:
            kept.append(entry)
        else:
            units, sequences = left_out.get(key, (0, 0))
            left_out[key] = (units + 1, sequences + entry.sequences)
    return Selection(kept, left_out)
