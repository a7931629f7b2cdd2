"""Antibody chains as people bring them: FASTA, a table, or one sequence a line."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd

from distrib.data.antibodies.alphabet import OnUnknown, clean
from distrib.data.antibodies.regions import Chain
from distrib.data.files.fasta import FASTA_SUFFIXES, read_fasta
from distrib.data.files.ids import Ids, as_ids
from distrib.data.files.tables import as_text, read_table
from distrib.data.files.text import TEXT_SUFFIXES, read_lines, suffix
from distrib.errors import InputError, nearest

PROTEIN_FASTA_SUFFIXES = (*FASTA_SUFFIXES, ".faa")
CHAIN_SUFFIXES = (*PROTEIN_FASTA_SUFFIXES, ".parquet", *TEXT_SUFFIXES)

_COLUMNS = (
    "sequence_alignment_aa_{}",
    "sequence_aa_{}",
    "sequence_{}",
    "antibody_{}",
    "{}",
    "sequence_alignment_aa",
    "sequence_aa",
    "sequence",
)
"""Names of the column of amino acids, the most telling first; AIRR's `sequence` has nucleotides."""

_IDS = ("id", "sequence_id", "ids", "name")


@dataclass(frozen=True)
class Chains:
    """One chain of antibodies a row.

    Attributes:
        ids: names and places in the file. sequences: of the twenty letters and X, upper-case.
        columns: every other column of the table, as it stood there; a row per sequence.
        column: the name of the column that the sequences come from, "" of FASTA and lines.
        unknown: how many sequences of the file have letters outside the twenty.
        skipped: how many of these were left out.
    """

    ids: Ids
    sequences: list[str]
    columns: pd.DataFrame
    column: str = ""
    unknown: int = 0
    skipped: int = 0

    def __len__(self) -> int:
        return len(self.sequences)

    def take(self, rows: np.ndarray) -> Chains:
        """The part with these rows, in their order."""
        return replace(
            self,
            ids=self.ids.take(rows),
            sequences=[self.sequences[i] for i in rows],
            columns=self.columns.iloc[rows].reset_index(drop=True),
        )

    def place(self, row: int) -> str:
        """Names one row, for errors."""
        return self.ids.place(row)

    def notes(self) -> list[str]:
        """What was taken for granted or changed, a line each."""
        lines = [self.ids.assumption()] if self.ids.assumed else []
        if self.unknown:
            done = "left out" if self.skipped else "read as X there"
            lines.append(f"{self.unknown:,} sequences have letters outside the twenty: {done}")
        return [line for line in lines if line]


def read_chains(
    path: Path,
    chain: Chain,
    *,
    column: str | None = None,
    on_unknown: OnUnknown = "error",
) -> Chains:
    """Read the chains of a file, of all parquet files of a folder, or of its only file.

    A FASTA file has the id first in its headers; a `.txt` file has one sequence a line, without
    header, and no ids. A table (CSV, TSV, parquet) has its ids in `id` or `sequence_id`, else rows
    are named by their number.

    Args:
        chain: which of a pair, where a table has columns of both.
        column: of the amino acids, else the first of the usual names.
        on_unknown: see `alphabet.clean`.

    Raises:
        InputError: naming the row of what is missing, there twice or no sequence.
    """
    if path.is_dir():
        return _read_folder(path, chain, column, on_unknown)
    if suffix(path) in PROTEIN_FASTA_SUFFIXES:
        records = [(row, (header.split() or [""])[0], s) for row, header, s in read_fasta(path)]
        ids = as_ids([name for _, name, _ in records], path, [row for row, _, _ in records])
        return _checked(ids, [s for _, _, s in records], pd.DataFrame(index=range(len(records))),
                        "", on_unknown)  # fmt: skip
    if suffix(path) == ".txt" and not _has_header(path):
        lines = read_lines(path)
        rows = [number for number, line in enumerate(lines, 1) if line]
        ids = as_ids(rows, path, rows)
        return _checked(ids, [line for line in lines if line],
                        pd.DataFrame(index=range(len(rows))), "", on_unknown)  # fmt: skip
    return from_table(read_table(path), path, chain, column=column, on_unknown=on_unknown)


def from_table(
    frame: pd.DataFrame,
    path: Path,
    chain: Chain,
    *,
    column: str | None = None,
    on_unknown: OnUnknown = "error",
) -> Chains:
    """The same out of a table that `files.tables.read_table` gave; `path` is named in errors."""
    names = [str(name) for name in frame.columns]
    column = find_column(names, path, chain, column)
    id_column = next((name for name in _IDS if name in names), None)
    rows = [int(row) for row in frame.index]
    ids = as_ids(rows if id_column is None else frame[id_column].tolist(), path, rows)
    texts = [as_text(cell) for cell in frame[column].tolist()]
    rest = frame.drop(columns=[column, *([id_column] if id_column else [])]).reset_index(drop=True)
    return _checked(ids, texts, rest, column, on_unknown)


def _checked(
    ids: Ids, texts: Sequence[str], columns: pd.DataFrame, column: str, on_unknown: OnUnknown
) -> Chains:
    cleaned = clean(texts, on_unknown, file=ids.file, place=ids.place)
    chains = Chains(
        ids.take(cleaned.kept),
        cleaned.sequences,
        columns.iloc[cleaned.kept].reset_index(drop=True),
        column,
        cleaned.unknown,
        len(texts) - len(cleaned.kept),
    )
    if not len(chains):
        raise InputError("no sequence is left", file=ids.file,
                         found=f"{len(texts):,}, all with letters outside the twenty")  # fmt: skip
    return chains


def find_column(names: list[str], path: Path, chain: Chain, wanted: str | None = None) -> str:
    """The column of a chain's amino acids: the wanted one, else the first of the usual names."""
    usual = [name.format(chain) for name in _COLUMNS]
    found = [wanted] if wanted in names else []
    if wanted is None:
        found = [name for name in usual if name in names]
    if not found:
        raise InputError(
            f"no column {wanted!r}" if wanted else f"no column of {chain} chains",
            file=path,
            found=", ".join(names[:8]),
            expected="one of " + ", ".join(usual) if wanted is None else None,
            hint=nearest(wanted or usual[0], names) or "data.column names it",
        )
    return str(found[0])


def _has_header(path: Path) -> bool:
    """Whether a `.txt` file is a table: its first line has a comma, a tab or a semicolon."""
    return any(mark in read_lines(path)[0] for mark in ",\t;")


def _read_folder(path: Path, chain: Chain, column: str | None, on_unknown: OnUnknown) -> Chains:
    files = sorted(path.glob("*.parquet"))
    if not files:
        others = [file for file in sorted(path.iterdir()) if suffix(file) in CHAIN_SUFFIXES]
        if len(others) == 1:
            return read_chains(others[0], chain, column=column, on_unknown=on_unknown)
        raise InputError(
            "no parquet files in this folder",
            file=path,
            found=", ".join(file.name for file in others) or "nothing to read",
            expected="parquet files, as python -m distrib.prepare oas writes, or a single file",
        )
    parts = [
        from_table(read_table(file), file, chain, column=column, on_unknown=on_unknown)
        for file in files
    ]
    return joined(parts, path)


def joined(parts: Sequence[Chains], path: Path) -> Chains:
    """The chains of several files of a folder, one after another."""
    names = [name for part in parts for name in part.ids.values.tolist()]
    rows = np.concatenate([part.ids.rows for part in parts])
    if len(set(names)) < len(names):  # rows named by their number in each file
        names = [f"{part.ids.file.stem}:{name}" for part in parts
                 for name in part.ids.values.tolist()]  # fmt: skip
    return Chains(
        as_ids(names, path, rows.tolist()),
        [s for part in parts for s in part.sequences],
        pd.concat([part.columns for part in parts], ignore_index=True),
        parts[0].column,
        sum(part.unknown for part in parts),
        sum(part.skipped for part in parts),
    )
