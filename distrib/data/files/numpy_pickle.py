"""Pickles of NumPy arrays and plain containers, and of nothing else.

A pickle is a program: what it names, it calls. Here it may name what `_KNOWN` lists. NumPy's own
builders are not among that: they believe what a file says of sizes and of addresses.
"""

from __future__ import annotations

import math
import pickle
import re
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any

import numpy as np

from distrib.data.files.text import check_file
from distrib.errors import InputError

_PLAIN = re.compile(r"[biufc]\d{1,2}|[SU][1-9]\d{0,8}")  # numbers and text, as dtypes are named


class _RefusedError(Exception):
    """A name that is no array's."""


class _Kind:
    """Stands for a `numpy.dtype` that is being built; `made` is None for Python objects."""

    def __init__(self, code: str, align: bool = False, copy: bool = True) -> None:
        if code not in ("O", "O8") and not _PLAIN.fullmatch(code):
            raise _RefusedError(f"a dtype {code!r}")
        self.made = None if code in ("O", "O8") else np.dtype(code)

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        _, order, *parts = state
        if any(part is not None for part in parts[:3]):
            raise _RefusedError("a dtype of records")
        if self.made is not None and order in "<>":
            self.made = self.made.newbyteorder(order)

    def array(self, data: Any, shape: tuple[int, ...], order: Any) -> np.ndarray:
        """The elements of a buffer, or of a list of objects."""
        if self.made is None:
            found = np.empty(math.prod(shape), dtype=object)
            for place, value in zip(range(len(found)), data, strict=True):
                found[place] = _finished(value)
            return found.reshape(shape, order=order)
        raw = data.encode("latin-1") if isinstance(data, str) else bytes(data)
        if len(raw) != math.prod(shape) * self.made.itemsize:
            raise ValueError(f"{len(raw)} bytes for an array of shape {shape}")
        flat = np.frombuffer(raw, dtype=self.made) if raw else np.empty(0, dtype=self.made)
        return flat.reshape(shape, order=order).copy(order="K")


class _Array:
    """Stands for an array: made empty, as by NumPy's `_reconstruct`, filled by its state."""

    def __init__(self, cls: Any, shape: Any, code: Any) -> None:
        self.made: Any = None

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        _, shape, kind, by_columns, data = state
        self.made = kind.array(data, shape, "F" if by_columns else "C")


def _of_buffer(
    data: bytes, kind: _Kind, shape: tuple[int, ...], order: str, axes: Any = None
) -> _Array:
    """What protocol 5 calls for an array."""
    array, turned = _Array(None, None, None), order == "K" and axes is not None
    found = kind.array(data, shape, "C" if turned else order)
    array.made = found.transpose(axes) if turned else found
    return array


def _bytes(text: str = "", encoding: str = "latin-1") -> bytes:
    """What protocol 2, which is older than bytes, calls for them."""
    return text.encode("latin-1")


_KNOWN: dict[str, Callable[..., Any]] = {
    "numpy.ndarray": _Array,  # only ever handed to `_reconstruct`
    "numpy.dtype": _Kind,
    "numpy._core.multiarray._reconstruct": _Array,
    "numpy._core.multiarray.scalar": lambda kind, data: kind.array(data, (1,), "C")[0],
    "numpy._core.numeric._frombuffer": _of_buffer,
    "_codecs.encode": _bytes,
    "builtins.bytes": _bytes,
    "builtins.set": set,
    "builtins.frozenset": frozenset,
}
_OLDER = {"numpy.core.": "numpy._core.", "__builtin__.": "builtins."}  # before NumPy 2, Python 3


class _Reader(pickle._Unpickler):
    """Python's own reader, not C's, which takes the memory that a damaged file names."""

    def find_class(self, module: str, name: str) -> Any:
        called = f"{module}.{name}"
        for older, newer in _OLDER.items():
            called = called.replace(older, newer) if called.startswith(older) else called
        if (known := _KNOWN.get(called)) is None:
            raise _RefusedError(f"{module}.{name}")
        # A new one each time: a pickle may set attributes on what it names.
        return lambda *given: known(*given)

    def persistent_load(self, pid: Any) -> Any:
        raise _RefusedError("a reference to something outside the file")


def read_pickle(path: Path) -> Any:
    """What the file holds.

    Raises:
        InputError: naming what it holds beside arrays and plain containers, or that it is torn.
    """
    check_file(path)
    with path.open("rb") as file:
        return read_pickled(file, path)


def read_pickled(stream: IO[bytes], path: Path) -> Any:
    """The same of what a stream goes on with; the path is named in errors alone."""
    try:
        return _finished(_Reader(stream, encoding="latin-1").load())
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


def _finished(value: Any) -> Any:
    """What was read, with arrays in place of what stood for them."""
    if callable(value):
        raise _RefusedError("a name that is not called")
    if isinstance(value, _Array | _Kind):
        return value.made
    if isinstance(value, list | tuple):
        return type(value)(_finished(part) for part in value)
    if isinstance(value, dict):
        return {_finished(key): _finished(part) for key, part in value.items()}
    return value
