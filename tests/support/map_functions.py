"""Functions to be mapped over files, well-behaved and not, for the tests of `cluster/map`."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np
import pyarrow as pa

from distrib.errors import InputError

Items = Iterator[pa.Table | Mapping[str, int]]


def numbers(path: str, *, at_once: int = 100, pause: float = 0.0) -> Items:
    """A row for each number of a text file; negative ones are left out and counted."""
    words = Path(path).read_text().split()
    for start in range(0, len(words), at_once):
        read = [_number(word, path) for word in words[start : start + at_once]]
        kept = [number for number in read if number >= 0]
        yield pa.table({"source": [Path(path).name] * len(kept), "number": pa.array(kept, "int64")})
        yield {"read": len(read), "negative": len(read) - len(kept)}
        time.sleep(pause)


def _number(word: str, path: str) -> int:
    try:
        return int(word)
    except ValueError:
        raise InputError("no number", file=path, found=word) from None


def ends_its_process(path: str, *, marks: str, times: int = 1) -> Items:
    """`numbers`, whose worker is killed in the midst of files named die-*, the first few times."""
    items = numbers(path, at_once=10)
    yield next(items)
    if Path(path).name.startswith("die-") and _tries(path, marks) <= times:
        os.kill(os.getpid(), signal.SIGKILL)
    yield from items


def cannot_read(path: str, *, marks: str, times: int = 1) -> Items:
    """`numbers` after a few errors of the system's for files named far-*."""
    yield {"begun": 1}
    if Path(path).name.startswith("far-") and _tries(path, marks) <= times:
        raise OSError(5, "Input/output error", path)
    yield from numbers(path)


def hangs(path: str, *, marks: str, times: int = 1) -> Items:
    """`numbers`, which hangs at files named stuck-*, the first few times."""
    if Path(path).name.startswith("stuck-") and _tries(path, marks) <= times:
        time.sleep(3600)
    yield from numbers(path)


def _tries(path: str, marks: str) -> int:
    """How often this was called for a file, this time included."""
    folder = Path(marks) / Path(path).name
    folder.mkdir(parents=True, exist_ok=True)
    count = len(list(folder.iterdir())) + 1
    (folder / str(count)).touch()
    return count


def divides_by_zero(path: str) -> Items:
    """A bug."""
    yield from numbers(path)
    yield {"impossible": 1 // int(not path)}


def changes_its_mind(path: str) -> Items:
    """Tables of two schemas."""
    yield pa.table({"number": pa.array([1], "int64")})
    yield pa.table({"number": ["two"]})


def yields_text(path: str) -> Iterator[str]:
    """Neither tables nor counts."""
    yield path


def speaks_of_no_file(path: str) -> Items:
    """Bad input, told without its name."""
    yield {}
    raise InputError("all wrong")


def company(path: str, *, room: str) -> Items:
    """How many are in the room at once, this one included, as counts."""
    here = Path(room) / Path(path).name
    here.touch()
    time.sleep(0.2)
    yield {str(len(list(Path(room).iterdir()))): 1}
    here.unlink()


def arrow_threads(path: str) -> Items:
    """What Arrow may use, as counts."""
    yield {"cpu": pa.cpu_count(), "io": pa.io_thread_count()}


def large(path: str, *, tables: int, table_bytes: int) -> Items:
    """Tables of a size, and at the end by how many KiB the process has ever grown over them."""
    before = _status("VmRSS")
    for number in range(tables):
        yield pa.table({"number": np.full(table_bytes // 8, number)})
    yield {"KiB": _status("VmHWM") - before}


def _status(field: str) -> int:
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(f"{field}:"))
