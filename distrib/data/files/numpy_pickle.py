"""Pickles of NumPy arrays and plain containers, and of nothing else.

A pickle is a program: read with Python's own reader it can do anything. This one knows how to build
arrays, numbers, texts, lists, tuples, dicts and sets, and refuses every other name that it meets.
NumPy's own builders are not called either: they believe what a file says of sizes and of addresses.
"""

from __future__ import annotations

import math
import pickle
import re
from pathlib import Path
from typing import IO, Any, ClassVar

import numpy as np

from distrib.data.files.text import check_file
from distrib.errors import InputError

_PLAIN = re.compile(r"[biufc]\d{1,2}|[SU][1-9]\d{0,8}")
"""Types of elements that are numbers or text, as a pickle names them."""


class _Kind:
    """Stands for a `numpy.dtype` that is being built; `made` is None for Python objects."""

    def __init__(self, code: str, align: bool = False, copy: bool = True) -> None:
        self.made: np.dtype | None = None
        if code not in ("O", "O8"):
            if not _PLAIN.fullmatch(code):
                raise _RefusedError(f"a dtype {code!r}")
            self.made = np.dtype(code)

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        _, order, *parts = state
        if any(part is not None for part in parts[:3]):
            raise _RefusedError("a dtype of records")
        if self.made is not None and order in "<>":
            self.made = self.made.newbyteorder(order)

    def array(self, data: Any, shape: tuple[int, ...], order: Any) -> np.ndarray:
        """The elements of a buffer, or of a list of objects."""
        count = math.prod(shape)
        if self.made is None:
            found = np.empty(count, dtype=object)
            for place, value in zip(range(count), data, strict=True):
                found[place] = _finished(value)
            return found.reshape(shape, order=order)
        raw = data.encode("latin-1") if isinstance(data, str) else bytes(data)
        if len(raw) != count * self.made.itemsize:
            raise ValueError(f"{len(raw)} bytes for an array of shape {shape}")
        flat = np.frombuffer(raw, dtype=self.made) if raw else np.empty(0, dtype=self.made)
        return flat.reshape(shape, order=order).copy(order="K")


class _Array:
    """Stands for an array that is being built."""

    made: np.ndarray

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        _, shape, kind, by_columns, data = state
        self.made = kind.array(data, shape, "F" if by_columns else "C")


def _empty(cls: Any, shape: Any, code: Any) -> _Array:
    """In place of NumPy's `_reconstruct`; what is in the array follows as its state."""
    return _Array()


def _scalar(kind: _Kind, data: bytes) -> Any:
    return kind.array(data, (1,), "C")[0]


def _of_buffer(
    data: bytes, kind: _Kind, shape: tuple[int, ...], order: str, axes: Any = None
) -> np.ndarray:
    """What protocol 5 calls for an array."""
    if order == "K" and axes is not None:
        return kind.array(data, shape, "C").transpose(axes)
    return kind.array(data, shape, order)


def _bytes(text: str = "", encoding: str = "latin-1") -> bytes:
    """What protocol 2, which is older than bytes, calls for them."""
    return text.encode("latin-1")


_KNOWN: dict[tuple[str, str], Any] = {
    ("numpy", "ndarray"): "numpy.ndarray",  # only ever handed to `_reconstruct`
    ("numpy", "dtype"): _Kind,
    **{
        (f"numpy.{core}.{module}", name): made
        for core in ("core", "_core")  # before and since NumPy 2
        for module, name, made in (
            ("multiarray", "_reconstruct", _empty),
            ("multiarray", "scalar", _scalar),
            ("numeric", "_frombuffer", _of_buffer),
        )
    },
    ("_codecs", "encode"): _bytes,
    **{
        (module, name): made
        for module in ("builtins", "__builtin__")
        for name, made in (("set", set), ("frozenset", frozenset), ("bytes", _bytes))
    },
}


class _Reader(pickle._Unpickler):
    """Python's own reader, not C's: it asks `find_class` for everything that is called."""

    def find_class(self, module: str, name: str) -> Any:
        try:
            return _KNOWN[module, name]
        except KeyError:
            raise _RefusedError(f"{module}.{name}") from None

    def load_build(self) -> None:
        """A state is set on what is being built here, and on nothing else that was named."""
        if not isinstance(self.stack[-2], _Kind | _Array):  # type: ignore[attr-defined]
            raise _RefusedError(f"a state of {type(self.stack[-2]).__name__}")  # type: ignore[attr-defined]
        super().load_build()  # type: ignore[misc]

    dispatch: ClassVar[dict[int, Any]] = {
        **pickle._Unpickler.dispatch,
        pickle.BUILD[0]: load_build,
    }

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
    if isinstance(value, _Array | _Kind):
        return value.made
    if isinstance(value, list | tuple):
        return type(value)(_finished(part) for part in value)
    if isinstance(value, dict):
        return {_finished(key): _finished(part) for key, part in value.items()}
    return value
