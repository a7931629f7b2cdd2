"""Pickles of arrays and plain containers are read; every other one is refused, and not run."""

from __future__ import annotations

import builtins
import functools
import os
import pickle
import subprocess
import sys
from collections import OrderedDict
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from distrib.data.files.numpy_pickle import read_pickle
from distrib.errors import InputError

PROTOCOLS = (2, 3, 4, 5)
FOLDS = [(np.array([2, 3, 4]), np.array([0, 1])), (np.array([0, 1]), np.array([2, 3, 4]))]
SPLITS = {
    "method": "5fold",
    "n_splits": 2,
    "random_state": 42,
    "fold_splits": FOLDS,
    "total_samples": 5,
}


class Calls:
    """Is pickled as a call, and as a state that is set on what the call gives."""

    def __init__(self, what: Callable[..., Any], *arguments: object, state: object = None) -> None:
        self.call = what, arguments, state

    def __reduce__(self) -> tuple[object, ...]:
        return self.call


class Stranger:
    """A class of the user's own."""


def written(folder: Path, content: object, protocol: int = 4) -> Path:
    path = folder / "splits.pkl"
    path.write_bytes(pickle.dumps(content, protocol=protocol))
    return path


def same(a: Any, b: Any) -> bool:
    if type(a) is not type(b):
        return False
    if isinstance(a, np.ndarray):
        kinds = {x.dtype.newbyteorder("=") for x in (a, b)}  # NumPy swaps bytes as it reads
        return len(kinds) == 1 and a.shape == b.shape and bool(np.all(a == b))
    if isinstance(a, (list, tuple)):
        return len(a) == len(b) and all(map(same, a, b))
    if isinstance(a, dict):
        return list(a) == list(b) and all(map(same, a.values(), b.values()))
    return bool(a == b)


def refused(path: Path, *says: str) -> None:
    with pytest.raises(InputError) as caught:
        read_pickle(path)
    for text in (str(path), *says):
        assert text in str(caught.value), str(caught.value)


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_the_splits_of_the_original_come_back(tmp_path: Path, protocol: int) -> None:
    assert same(read_pickle(written(tmp_path, SPLITS, protocol)), SPLITS)


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize(
    "value",
    [
        np.arange(6, dtype=np.int32).reshape(2, 3),
        np.asfortranarray(np.arange(6.0).reshape(2, 3)),
        np.arange(10)[::3],
        np.arange(3, dtype=">i8"),
        np.array(7),
        np.zeros((0, 3), dtype=np.float32),
        np.array([True, False]),
        np.array(["ENSG00000141510", "é"]),
        np.array([b"ACGT", b"N"]),
        np.float64(0.5),
        np.int64(3),
        np.bool_(True),
        {1, 2},
        2**100,
        b"\x00\xff",
    ],
    ids=repr,
)
def test_arrays_and_numbers_of_every_kind_come_back(
    tmp_path: Path, value: object, protocol: int
) -> None:
    assert same(read_pickle(written(tmp_path, [value], protocol)), [value])


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize("core", [b"core", b"_core"])
def test_numpy_before_and_since_version_2_is_read(
    tmp_path: Path, core: bytes, protocol: int
) -> None:
    """Protocol 4 and later write the length of a name before it, as one byte."""
    path = written(tmp_path, {"fold": np.arange(4)[::2], "loss": np.float64(0.25)}, protocol)
    content = path.read_bytes()
    for module in (b"multiarray", b"numeric"):
        new, name = b"numpy._core." + module, b"numpy." + core + b"." + module
        content = content.replace(bytes([len(new)]) + new, bytes([len(name)]) + name)
        content = content.replace(b"c" + new + b"\n", b"c" + name + b"\n")
    if protocol >= 4:  # a frame says how long it is
        content = pickle_without_frames(content)
    path.write_bytes(content)
    assert (b"numpy.core." in content) == (core == b"core")
    assert same(read_pickle(path), {"fold": np.array([0, 2]), "loss": np.float64(0.25)})


def pickle_without_frames(content: bytes) -> bytes:
    assert content[2:3] == pickle.FRAME
    return content[:2] + content[11:]


TEXTS = st.text(max_size=5)
ARRAYS = st.lists(st.integers(-9, 9), max_size=6).flatmap(
    lambda values: st.sampled_from(
        [np.array(values, dtype=kind) for kind in ("i8", "i2", "f4", "f8", "U3")]
        + [np.array([values, values], dtype=np.int64).T]
    )
)
NESTED = st.recursive(
    ARRAYS | TEXTS | st.integers() | st.floats(allow_nan=False) | st.booleans() | st.none(),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.tuples(inner, inner)
        | st.dictionaries(TEXTS, inner, max_size=3)
    ),
    max_leaves=12,
)


@given(NESTED, st.sampled_from(PROTOCOLS))
def test_whatever_is_nested_comes_back(
    tmp_path_factory: pytest.TempPathFactory, value: object, protocol: int
) -> None:
    path = tmp_path_factory.mktemp("nested")
    assert same(read_pickle(written(path, value, protocol)), value)


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize(
    ("content", "name"),
    [
        (Calls(os.system, "true"), f"{os.system.__module__}.system"),
        (Calls(builtins.eval, "1"), "eval"),
        (Calls(getattr, "a", "upper"), "getattr"),
        (Calls(subprocess.Popen, ["true"]), "Popen"),
        (Calls(np.load, "a.npy"), "load"),
        (functools.partial(print), "functools.partial"),
        (Stranger(), f"{Stranger.__module__}.Stranger"),
        (Stranger, f"{Stranger.__module__}.Stranger"),
        (date(2020, 1, 1), "datetime.date"),
        (OrderedDict(a=1), "collections.OrderedDict"),
        (np.ma.masked_array([1], [True]), "numpy.ma"),
        (len, "len"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_anything_else_is_refused_by_name(
    tmp_path: Path, content: object, name: str, protocol: int
) -> None:
    path = written(tmp_path, {"more": [content], "fold_splits": FOLDS}, protocol)
    refused(path, "a pickle with other things than arrays", name, "save it as JSON or .npz")


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize("depth", [0, 1])
def test_what_a_pickle_would_do_is_not_done(tmp_path: Path, protocol: int, depth: int) -> None:
    made = tmp_path / "made"
    bomb: object = Calls(os.mkdir, str(made))
    if depth:
        bomb = {"fold_splits": [np.array([bomb], dtype=object), *FOLDS]}
    path = written(tmp_path, bomb, protocol)
    refused(path, "mkdir")
    assert not made.exists()
    with path.open("rb") as file:
        pickle.load(file)  # it is no dud: Python's own reader does it
    assert made.is_dir()


@pytest.mark.parametrize(
    ("content", "name"),
    [
        (b"cos\nsystem\n(S'true'\ntR.", "os.system"),
        (b"(S'true'\nios\nsystem\n.", "os.system"),
        (b"(cos\nsystem\nS'true'\no.", "os.system"),
        (b"\x80\x04\x8c\x05numpy\x8c\x0endarray.tofile\x93.", "numpy.ndarray.tofile"),
        (b"cnumpy\nndarray.tofile\n.", "numpy.ndarray.tofile"),
        (b"cnumpy.core.multiarray\nfromfile\n.", "numpy.core.multiarray.fromfile"),
        (b"\x80\x02Pelsewhere\n.", "something outside the file"),
        (b"\x80\x02X\x01\x00\x00\x00aQ.", "something outside the file"),
    ],
)
def test_no_way_of_naming_a_thing_gets_past(tmp_path: Path, content: bytes, name: str) -> None:
    path = tmp_path / "splits.pkl"
    path.write_bytes(content)
    refused(path, "other things than arrays", name)


@pytest.mark.parametrize(
    "content",
    [
        b"c_codecs\nencode\n(N(dS'__defaults__'\n(S'A'\nS'B'\ntstb.",
        b"c_codecs\nencode\n(dS'__name__'\nS'A'\nsb.",
        b"cnumpy._core.multiarray\nscalar\n(N(dS'__defaults__'\n(S'A'\ntstb.",
        b"cnumpy\ndtype\n(N(dS'array'\nS'A'\nstb.",
    ],
)
def test_one_pickle_changes_nothing_for_the_next(tmp_path: Path, content: bytes) -> None:
    """A state may be set on whatever was named, and what is named is the reader's own."""
    path = tmp_path / "first.pkl"
    path.write_bytes(content)
    refused(path)
    value = {"none": b"", "fold": np.arange(4)[::2], "loss": np.float64(0.25)}
    assert same(read_pickle(written(tmp_path, value, protocol=2)), value)


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_a_torn_pickle_is_told_at_every_length(tmp_path: Path, protocol: int) -> None:
    path = written(tmp_path, {"method": "5fold", "fold": np.arange(4)[::2]}, protocol)
    whole = path.read_bytes()
    for length in range(1, len(whole)):
        path.write_bytes(whole[:length])
        refused(path)  # in protocols 2 and 3 half a name may be left, which is refused as one
    path.write_bytes(whole[: len(whole) - 1])
    refused(path, "not a readable pickle")


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "the file is empty"),
        (b"gene_id,fold\n", "not a readable pickle"),
        (b"\x93NUMPY\x01\x00v\x00", "not a readable pickle"),
        (b".", "not a readable pickle"),
        (b"\x80\x09.", "not a readable pickle"),
    ],
)
def test_a_file_that_is_no_pickle(tmp_path: Path, content: bytes, says: str) -> None:
    path = tmp_path / "splits.pkl"
    path.write_bytes(content)
    refused(path, says)


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    refused(tmp_path / "none.pkl", "no such file")
    refused(tmp_path, "a folder where a file is expected")


# What goes wrong in memory ends the process: these are read in one of their own.
READ = """
import sys
from pathlib import Path
from distrib.data.files.numpy_pickle import read_pickle
from distrib.errors import InputError
for name in sys.argv[1:]:
    try:
        print(repr(read_pickle(Path(name))))
    except InputError:
        pass
"""


def survives(*arguments: str) -> None:
    done = subprocess.run([sys.executable, *arguments], capture_output=True, text=True)
    assert done.returncode == 0, f"exit code {done.returncode}\n{done.stderr[-2000:]}"
    assert not done.stderr, done.stderr[-2000:]


ARRAY = np.empty(0).__reduce__()[0]
LETTERS = b"A" * 32


def pointers(*state: object, code: str) -> Calls:
    """An array of four elements of `LETTERS`, with a type of that code and state."""
    kind = Calls(np.dtype, code, False, True, state=(3, "|", *state))
    return Calls(ARRAY, np.ndarray, (0,), b"b", state=(1, (4,), kind, False, LETTERS))


@pytest.mark.parametrize(
    "content",
    [
        Calls(np.ndarray, (4,), "O", LETTERS),
        pointers(None, None, None, -1, -1, 0, code="O"),
        pointers(None, ("a",), {"a": (np.dtype("O"), 0)}, 8, 1, 0, code="V8"),
        pointers(None, None, None, -1, -1, 63, code="i8"),
    ],
    ids=["objects from bytes", "objects said to be none", "in a record", "numbers as objects"],
)
def test_no_address_is_taken_from_a_file(tmp_path: Path, content: object) -> None:
    survives("-c", READ, str(written(tmp_path, content)))


DAMAGE = """
import io, random, sys
from pathlib import Path
from distrib.data.files.numpy_pickle import read_pickled
from distrib.errors import InputError
path = Path(sys.argv[1])
whole = path.read_bytes()
rng = random.Random(0)
for _ in range(2000):
    content = bytearray(whole)
    for _ in range(rng.randint(1, 3)):
        at = rng.randrange(len(content))
        content[at : at + rng.randint(0, 2)] = rng.randbytes(rng.randint(0, 2))
    try:
        read_pickled(io.BytesIO(content), path)
    except InputError:
        pass
"""


@pytest.mark.parametrize("protocol", PROTOCOLS[::2])
def test_damaged_pickles_raise_nothing_else(tmp_path: Path, protocol: int) -> None:
    content = {"folds": [np.arange(4)[::2], np.array(["a"])], "o": np.array([1, "s"], dtype=object)}
    survives("-W", "ignore", "-c", DAMAGE, str(written(tmp_path, content, protocol)))
