"""Matrices from NumPy's files, in the forms that people save them in. No pickle is ever run."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import numpy as np

from distrib.data.files.ids import Ids, as_ids
from distrib.data.files.matrix import Matrix, as_float32, check_lengths, positions
from distrib.data.files.numpy_pickle import read_pickled
from distrib.data.files.text import check_file, read_lines, suffix
from distrib.errors import InputError

_SAVE = (
    'save text as text: np.savez("embeddings.npz", ids=np.array(ids, dtype=str), '
    "embeddings=np.asarray(embeddings, dtype=np.float32))"
)


def read_npy(path: Path, ids: Path | None) -> Matrix:
    """A 2-D array, with the ids of its rows in a file of their own."""
    with _arrays(path) as stream:
        values = _array(stream, path)
    if values.ndim != 2:
        raise InputError(
            "expected a matrix",
            file=path,
            found=f"shape {values.shape}",
            expected="(rows, columns)",
        )
    if ids is None:
        raise InputError(
            "the rows have no ids",
            file=path,
            expected="a file ids.txt with one id a line beside it, or one that is named: `ids:` in "
            "the YAML of a folder, --embedding-ids or --gene-embedding-ids of `prepare expression`",
        )
    names = read_ids(ids)
    if len(names) != len(values):
        raise InputError(
            "another number of ids than of rows",
            file=ids,
            found=f"{len(names)} ids",
            expected=f"{len(values)}, the rows of {path.name}",
        )
    return Matrix(names, positions(values), as_float32(values, path), file=path)


def read_npz(path: Path) -> Matrix:
    """A 1-D array of ids and a 2-D array of numbers, or one vector for each id."""
    arrays = read_arrays(path)
    texts = [n for n, a in arrays.items() if a.ndim == 1 and a.dtype.kind in "US"]
    matrices = [n for n, a in arrays.items() if a.ndim == 2 and a.dtype.kind in "fiub"]
    # `data`, `index` and `columns` are what a data frame's values, rows and columns are saved as.
    for name in ("ids", "index"):
        if name in arrays and arrays[name].ndim == 1:
            texts = [name]
            break
    if "embeddings" in matrices:
        matrices = ["embeddings"]
    if len(texts) == 1 and len(matrices) == 1:
        ids, values = as_ids(arrays[texts[0]].tolist(), path), arrays[matrices[0]]
        if len(ids) != len(values):
            raise InputError(
                "another number of ids than of rows",
                file=path,
                found=f"{len(ids)} in {texts[0]!r}",
                expected=f"{len(values)}, the rows of {matrices[0]!r}",
            )
        return Matrix(ids, positions(values), as_float32(values, path))
    if not arrays or any(a.ndim != 1 or a.dtype.kind not in "fiub" for a in arrays.values()):
        shown = ", ".join(f"{n} ({a.dtype}, shape {a.shape})" for n, a in [*arrays.items()][:6])
        raise InputError(
            "no ids and embeddings to be found",
            file=path,
            found=shown or "no arrays",
            expected="`ids` (1-D, text) and `embeddings` (2-D, numbers), or one vector for each id",
        )
    ids = as_ids(list(arrays), path)
    check_lengths(np.array([len(a) for a in arrays.values()]), ids)
    values = np.stack([as_float32(a, path) for a in arrays.values()])
    return Matrix(ids, positions(values), values)


def read_arrays(path: Path) -> dict[str, np.ndarray]:
    """Every array of an `.npz`, by name."""
    check_file(path)
    with _arrays(path) as stream, np.load(stream, allow_pickle=False) as file:
        return {name: _member(file, name, path) for name in file.files}


def read_ids(path: Path) -> Ids:
    if suffix(path) != ".npy":
        return as_ids(read_lines(path), path)
    check_file(path)
    with _arrays(path) as stream:
        names = _array(stream, path)
    if names.ndim != 1 or names.dtype.kind not in "USiu":
        raise InputError(
            "expected ids",
            file=path,
            found=f"{names.dtype} of shape {names.shape}",
            expected="a 1-D array of text",
        )
    return as_ids(names.tolist(), path)


def _member(file: np.lib.npyio.NpzFile, name: str, path: Path) -> np.ndarray:
    """An array of an archive, whose member is called `name`, or `name`.npy."""
    member = name if name in file.zip.namelist() else f"{name}.npy"  # type: ignore[union-attr]
    with file.zip.open(member) as stream:  # type: ignore[union-attr]
        return _array(stream, path)


def _array(stream: IO[bytes], path: Path) -> np.ndarray:
    """The array in NumPy's form; one of Python objects, such as ids are often saved as, must hold
    text, and is read without running what its pickle says (see `numpy_pickle`).
    """
    start = stream.tell()
    version = np.lib.format.read_magic(stream)
    if version == (1, 0):
        shape, _, dtype = np.lib.format.read_array_header_1_0(stream)
    else:
        shape, _, dtype = np.lib.format.read_array_header_2_0(stream)
    if not dtype.hasobject:
        stream.seek(start)
        return np.lib.format.read_array(stream, allow_pickle=False)
    found = np.asarray(read_pickled(stream, path))
    if not all(isinstance(value, str) for value in found.ravel().tolist()):
        raise InputError(
            "an array of Python objects other than text",
            file=path,
            found=f"shape {shape}",
            expected="arrays of numbers or of text (dtype=str)",
            hint=_SAVE,
        )
    return found.astype(str)


@contextmanager
def _arrays(path: Path) -> Iterator[IO[bytes]]:
    """Opens a file; what NumPy says of one that it will not read is said for the file's owner."""
    try:
        with path.open("rb") as stream:
            yield stream
    except InputError:
        raise
    except Exception as error:  # a damaged file makes NumPy, zipfile and zlib raise of all kinds
        if "pickle" in str(error) or "magic" in str(error):
            raise InputError(
                "not an array file", file=path, found="other content", hint=_SAVE
            ) from None
        raise InputError(
            "not a readable array file",
            file=path,
            found=error,
            expected="a whole file of NumPy's; was it cut short?",
        ) from None
