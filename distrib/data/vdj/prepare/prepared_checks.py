"""Strict checks of the tables of a prepared repertoire, which people may have edited."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from distrib.data.files.tables import read_table
from distrib.data.vdj.germline.parameter_groups import Group
from distrib.errors import InputError, nearest

SEGMENTS = ("V", "D", "J")
P_NUCLEOTIDES = 2  # the most that are modelled at either end


def checked_window(trims: list[Any], file: Path) -> tuple[int, int]:
    """The smallest and the largest trim.

    Raises:
        InputError: they are no two whole numbers in order, or ask for more P-nucleotides.
    """
    whole = len(trims) == 2 and all(type(trim) is int for trim in trims)
    if not whole or trims[0] > trims[1] or trims[0] < -P_NUCLEOTIDES:
        raise InputError("not a window of trims", file=file, where="key 'trims'", found=trims,
                         expected=f"two whole numbers from -{P_NUCLEOTIDES} up")  # fmt: skip
    return trims[0], trims[1]


def checked_genes(file: Path) -> Iterator[tuple[str, Any, str, int | None]]:
    """Name, segment, sequence and anchor of every gene.

    Raises:
        InputError: naming the row at fault.
    """
    frame = read_table(file)
    require_columns(frame, ("gene", "segment", "sequence", "anchor"), file)
    seen: set[str] = set()
    for row, name, segment, sequence, anchor in frame[
        ["gene", "segment", "sequence", "anchor"]
    ].itertuples():
        where = f"row {row} ({name})"
        if name in seen:
            raise InputError("duplicate gene", file=file, where=where,
                             expected="one row for each gene")  # fmt: skip
        if segment not in SEGMENTS:
            raise InputError("an unknown segment", file=file, where=where, found=repr(segment),
                             expected="V, D or J")  # fmt: skip
        if not sequence or set(sequence) - set("ACGT"):
            raise InputError("not a sequence of A, C, G and T", file=file, where=where,
                             found=repr(sequence))  # fmt: skip
        if anchor and not (anchor.isdecimal() and int(anchor) + 3 <= len(sequence)):
            raise InputError("an anchor outside the gene", file=file, where=where, found=anchor,
                             expected=f"0 to {len(sequence) - 3}")  # fmt: skip
        seen.add(name)
        yield name, segment, sequence, int(anchor) if anchor else None


def checked_counts(
    file: Path,
    group: Group,
    trims: tuple[int, int],
    segments: Mapping[str, str],
    lengths: Mapping[str, int],
) -> pd.DataFrame:
    """The counts, in the columns of `Prepared.counts`, as int64 or float64.

    Raises:
        InputError: naming the row and column at fault.
    """
    frame = read_table(file)
    keys = ["subject", *group.genes, *group.trims]
    keys += ["ligation_mh"] if "ligation_mh" in frame else []
    require_columns(frame, (*keys, "count"), file)
    frame = frame[[*keys, "count"]]
    for column in ("subject", *group.genes):
        missing = frame[column].isna().to_numpy() | (frame[column] == "").to_numpy(bool)
        _refuse(missing, frame, column, file, "a name")
    for column in keys[1 + len(group.genes) :]:
        integer = pd.api.types.is_integer_dtype(frame[column])
        _refuse(np.full(len(frame), not integer), frame, column, file, "integers")
    count = pd.to_numeric(frame["count"], errors="coerce").to_numpy(float)
    _refuse(~np.isfinite(count) | (count < 0), frame, "count", file, "0 or more")
    for column, segment in zip(group.genes, group.segments):
        known = {name for name, its in segments.items() if its == segment}
        unknown = ~frame[column].isin(known).to_numpy()
        _refuse(unknown, frame, column, file, f"a {segment} gene of genes.tsv")
    for gene, trim in zip(group.genes, group.trims):
        length = frame[gene].map(lengths).to_numpy()
        value = frame[trim].to_numpy()
        _refuse(value > length, frame, trim, file, "at most the gene's length")
        if not group.ligation:
            outside = (value < trims[0]) | (value > trims[1])
            _refuse(outside, frame, trim, file, f"{trims[0]} to {trims[1]}")
    if "ligation_mh" in frame:
        negative = (frame["ligation_mh"] < 0).to_numpy()
        _refuse(negative, frame, "ligation_mh", file, "0 or more")
    again = frame.duplicated(keys).to_numpy()
    _refuse(again, frame, "count", file, "one row for each subject, genes and trims")
    return frame.astype(dict.fromkeys(keys[1 + len(group.genes) :], "int64")).reset_index(drop=True)


def require_columns(frame: pd.DataFrame, columns: tuple[str, ...], file: object) -> None:
    """Raise InputError where a table lacks one of these columns."""
    for column in columns:
        if column not in frame.columns:
            raise InputError(
                f"no column {column!r}",
                file=file,
                found=", ".join(map(str, frame.columns)),
                expected=", ".join(columns),
                hint=nearest(column, map(str, frame.columns)),
            )


def _refuse(wrong: np.ndarray, frame: pd.DataFrame, column: str, file: Path, expected: str) -> None:
    if wrong.any():
        first = int(np.argmax(wrong))
        (found,) = frame[column].iloc[[first]].tolist()  # no NumPy scalar, for its repr
        raise InputError("invalid value", file=file,
                         where=f"row {frame.index[first]}, column {column!r}",
                         found=repr(found), expected=expected)  # fmt: skip
