"""Pairs of chains as people bring them: lines, tables, data units of OAS, FASTA."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd

from distrib.data.antibodies.alphabet import UNKNOWN, OnUnknown
from distrib.data.antibodies.chains import (
    CHAIN_SUFFIXES,
    PROTEIN_FASTA_SUFFIXES,
    Chains,
    find_column,
    from_table,
    joined,
)
from distrib.data.antibodies.oas.unit import read_head, unit_rows
from distrib.data.antibodies.regions import Chain
from distrib.data.files.fasta import read_fasta
from distrib.data.files.tables import as_text, read_table
from distrib.data.files.text import read_lines, suffix
from distrib.errors import InputError

SEPARATOR = "[SEP]"
CHAINS: tuple[Chain, ...] = ("heavy", "light")

_OF_CHAIN = re.compile(r"(.+)[_|/.:-](heavy|light|vh|vl|h|l)$", re.IGNORECASE)


@dataclass(frozen=True)
class Pairs:
    """A heavy and a light chain a row; both have the same ids."""

    heavy: Chains
    light: Chains

    def __len__(self) -> int:
        return len(self.heavy)

    def take(self, rows: np.ndarray) -> Pairs:
        """The part with these rows, in their order."""
        return Pairs(self.heavy.take(rows), self.light.take(rows))


def read_pairs(path: Path, *, on_unknown: OnUnknown = "error") -> Pairs:
    """Read the pairs of a file, of all parquet files of a folder, or of its only file.

    A `.txt` file has a pair a line, `HEAVY[SEP]LIGHT`, blanks between letters or not. A table (CSV,
    TSV, parquet) has a column of each chain, by the usual names (`chains.find_column`). A data unit
    of OAS is known by its first line; rows that are not productive are left out. In FASTA the two
    chains of a pair have the same name but for an ending: `a_heavy` and `a_light`, `a_H` and `a_L`.

    Args:
        on_unknown: see `alphabet.clean`; "skip" leaves a pair out where either chain has a letter
            outside the twenty.

    Raises:
        InputError: naming the row of a pair of which a chain is missing, or of a letter that is
            refused; or no such columns.
    """
    files = _files(path)
    parts = [_pairs(frame, file, on_unknown) for file in files for frame in _frames(file)]
    if len(parts) == 1:
        return parts[0]
    return Pairs(*(joined([getattr(part, name) for part in parts], path) for name in CHAINS))


def _files(path: Path) -> list[Path]:
    if not path.is_dir():
        return [path]
    files = sorted(path.glob("*.parquet"))
    if files:
        return files
    others = [file for file in sorted(path.iterdir()) if suffix(file) in CHAIN_SUFFIXES]
    others = [file for file in others if file.name != "counts.csv"]  # of `prepare oas`
    if len(others) != 1:
        raise InputError(
            "no parquet files in this folder",
            file=path,
            found=", ".join(file.name for file in others) or "nothing to read",
            expected="parquet files, as python -m distrib.prepare oas --paired writes, or one file",
        )
    return others


def _frames(file: Path) -> Iterator[pd.DataFrame]:
    if suffix(file) in PROTEIN_FASTA_SUFFIXES:
        yield _of_fasta(file)
    elif suffix(file) == ".txt" and SEPARATOR in (lines := read_lines(file))[0]:
        yield _of_lines(lines, file)
    elif _is_unit(file):
        tables = [t for t in unit_rows(str(file), wanted={}, paired=True, complete=False)
                  if not isinstance(t, dict)]  # fmt: skip
        frame = pd.concat([table.to_pandas() for table in tables], ignore_index=True)
        frame.index += 3  # behind the metadata and the names
        if not len(frame):
            raise InputError("no productive pair in this data unit", file=file)
        yield frame
    else:
        yield read_table(file)


def _is_unit(path: Path) -> bool:
    """Whether a file begins as a data unit does: gzip, and a line of one cell of JSON."""
    if path.suffix.lower() != ".gz" or not path.is_file():
        return False
    try:
        read_head(str(path))
    except InputError:
        return False
    return True


def _of_lines(lines: list[str], file: Path) -> pd.DataFrame:
    rows = []
    for number, line in enumerate(lines, 1):
        if not line:
            continue
        parts = ["".join(part.split()) for part in line.split(SEPARATOR)]
        if len(parts) != 2 or not all(parts):
            raise InputError(
                "a pair with one chain missing" if len(parts) < 3 else "more than two chains",
                file=file,
                where=f"row {number}",
                found=line[:30] + "..." if len(line) > 30 else line,
                expected=f"HEAVY{SEPARATOR}LIGHT",
            )
        rows.append((number, *parts))
    frame = pd.DataFrame(rows, columns=["row", *CHAINS]).set_index("row")
    frame.insert(0, "id", frame.index.astype(str))
    return frame


def _of_fasta(file: Path) -> pd.DataFrame:
    pairs: dict[str, dict[str, str]] = {}
    first: dict[str, int] = {}
    for row, header, sequence in read_fasta(file):
        name = (header.split() or [""])[0]
        told = _OF_CHAIN.match(name)
        if told is None:
            raise InputError(
                "a name that does not say which chain this is",
                file=file,
                where=f"row {row}",
                found=name or "no name",
                expected="an ending such as _heavy or _light, _H or _L",
            )
        chain = "heavy" if told[2].lower() in ("heavy", "vh", "h") else "light"
        pair = pairs.setdefault(told[1], {})
        first.setdefault(told[1], row)
        if chain in pair:
            raise InputError(f"a second {chain} chain of a pair", file=file, where=f"row {row}",
                             found=name)  # fmt: skip
        pair[chain] = sequence
    rows = [(first[name], name, pair.get("heavy", ""), pair.get("light", ""))
            for name, pair in pairs.items()]  # fmt: skip
    return pd.DataFrame(rows, columns=["row", "id", *CHAINS]).set_index("row")


def _pairs(frame: pd.DataFrame, file: Path, on_unknown: OnUnknown) -> Pairs:
    names = [str(name) for name in frame.columns]
    columns = {chain: find_column(names, file, chain) for chain in CHAINS}
    if columns["heavy"] == columns["light"]:
        raise InputError(
            "one column of chains: these are no pairs",
            file=file,
            found=columns["heavy"],
            expected="a column of each, such as heavy and light",
        )
    for chain, column in columns.items():
        for row, cell in zip(frame.index, frame[column].tolist()):
            if not as_text(cell).strip():
                raise InputError(
                    "a pair with one chain missing",
                    file=file,
                    where=f"row {row}, column {column!r}",
                    found=f"no {chain} chain",
                    expected="both chains of every pair",
                )
    policy: OnUnknown = "x" if on_unknown == "skip" else on_unknown
    found = Pairs(*(from_table(frame, file, chain, on_unknown=policy) for chain in CHAINS))
    if on_unknown != "skip":
        return found
    both = zip(found.heavy.sequences, found.light.sequences)
    odd = [any(UNKNOWN in sequence for sequence in pair) for pair in both]
    kept = np.flatnonzero(~np.array(odd))
    if not len(kept):
        raise InputError("no pair is left", file=file,
                         found=f"{len(odd):,}, all with letters outside the twenty")  # fmt: skip
    left = found.take(kept)
    skipped = len(odd) - len(kept)
    return Pairs(*(replace(getattr(left, name), skipped=skipped) for name in CHAINS))
