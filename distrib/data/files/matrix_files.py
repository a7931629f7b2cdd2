"""A matrix of numbers by id, from any kind of file that people keep one in."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from distrib.data.files.matrix import Matrix
from distrib.data.files.matrix_arrays import read_npy, read_npz
from distrib.data.files.matrix_tables import read_parquet_matrix, read_text_matrix
from distrib.data.files.text import TABLE_SUFFIXES, check_file, suffix
from distrib.errors import InputError

MATRIX_SUFFIXES = (".npy", ".npz", *TABLE_SUFFIXES)


def read_matrix(
    path: Path, *, ids: Path | None = None, labels: Sequence[str] = (), notes: list[str]
) -> Matrix:
    """Read a matrix from `.npy` (with ids of its own file), `.npz`, `.parquet`, `.csv` or `.tsv`.

    - `.npz`: a 1-D array of text and a 2-D array of numbers; or one vector for each id.
    - `.parquet`: ids in a column `id`, the index or the first column; the rest are numbers, or one
      column of lists.
    - `.csv`, `.tsv`: ids in a column `id` or the first column; the rest are numbers.

    Args:
        ids: the ids of a `.npy`: a `.npy` of text, or a text file with one a line.
        labels: columns of a table that hold text, kept apart.
        notes: gets a line for what was understood but is not plain.

    Raises:
        InputError: naming the file and row at fault. Nothing pickled is ever loaded.
    """
    check_file(path)
    form = suffix(path)
    if form not in MATRIX_SUFFIXES:
        raise InputError(
            "unsupported file extension for a matrix",
            file=path,
            expected=", ".join(MATRIX_SUFFIXES),
        )
    if ids is not None and form != ".npy":
        raise InputError("ids of its own file belong to a .npy only", file=ids, found=path.name)
    if labels and form in (".npy", ".npz"):
        raise InputError(f"arrays have no column {labels[0]!r}", file=path)
    if form == ".npy":
        return read_npy(path, ids)
    if form == ".npz":
        return read_npz(path)
    if form == ".parquet":
        return read_parquet_matrix(path, labels, notes)
    return read_text_matrix(path, labels, notes)
