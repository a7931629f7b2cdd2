"""Pickles of NumPy arrays and plain containers, and of nothing else.

A pickle is a program: read with Python's own reader it can do anything. This one knows how to build
arrays, numbers, texts, lists, tuples, dicts and sets, and refuses every other name that it meets.
"""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import numpy as np

from distrib.data.text import check_file
from distrib.errors import InputError

_ARRAYS = np.empty(0).__reduce__()[0]
_SCALARS = np.float64(0).__reduce__()[0]
_KNOWN: dict[tuple[str, str], Any] = {
    ("numpy", "ndarray"): np.ndarray,
    ("numpy", "dtype"): np.dtype,
    **{
        (f"numpy.{core}.multiarray", name): made
        for core in ("core", "_core")  # before and since NumPy 2
        for name, made in (("_reconstruct", _ARRAYS), ("scalar", _SCALARS))
    },
    ("_codecs", "encode"): lambda text, encoding: text.encode("latin-1"),  # bytes, before Python 3
}


class _Reader(pickle._Unpickler):
    """Python's own reader, not C's: it asks `find_class` for everything that is called."""

    def find_class(self, module: str, name: str) -> Any:
        try:
            return _KNOWN[module, name]
        except KeyError:
            raise _RefusedError(f"{module}.{name}") from None

    def persistent_load(self, pid: Any) -> Any:
        raise _RefusedError("a reference to something outside the file")


class _RefusedError(Exception):
    """A name that is no array's."""


def read_pickle(path: Path) -> Any:
    """What the file holds.

    Raises:
        InputError: naming what it holds beside arrays and plain containers, or that it is torn.
    """
    check_file(path)
    with path.open("rb") as file:
        try:
            return _Reader(file).load()
        except _RefusedError as error:
            raise InputError(
                "a pickle with other things than arrays in it is not loaded",
                file=path,
                found=str(error),
                expected="NumPy arrays, numbers, texts, lists, tuples and dicts",
                hint="save it as JSON or .npz",
            ) from None
        except Exception as error:  # a torn pickle makes its reader raise of all kinds
            raise InputError(
                "not a readable pickle", file=path, found=f"{type(error).__name__}: {error}"
            ) from None
