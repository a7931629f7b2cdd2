"""What a map does with one file, on a worker: call the function, write its tables as they come.

A function to be mapped is pure and knows nothing of all this:

    def long_rows(path: str, *, shortest: int) -> Iterator[pa.Table | Mapping[str, int]]:
        for table in read_in_pieces(path):
            kept = table.filter(pc.field("length") >= shortest)
            yield kept
            yield {"read": len(table), "too short": len(table) - len(kept)}

It yields tables of one schema, which become one Parquet file, and, wherever it likes, counts by
reason, which are added up. It raises `InputError` where the file cannot be used.
"""

from __future__ import annotations

import errno
import importlib
import platform
import traceback
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import pyarrow as pa

from distrib.cluster.mapping.part import PartWriter, WriteError
from distrib.errors import InputError

MapFunction = Callable[..., Iterator[pa.Table | Mapping[str, int]]]
Kind = Literal["done", "bad input", "reading", "writing", "lost", "function", "bug"]


@dataclass(frozen=True)
class Job:
    """One attempt at one file.

    Attributes:
        path: of the file. shown: the same without credentials.
        function: `package.module:name`. options: its keyword arguments.
        part: the file to write, which nobody else writes; its folder exists.
        threads: of Arrow.
    """

    path: str
    shown: str
    function: str
    options: Mapping[str, Any]
    part: Path
    threads: int


@dataclass(frozen=True)
class Outcome:
    """How an attempt ended; all that travels back to the driver.

    Attributes:
        kind: "done"; "bad input", an `InputError` of the function's; "reading" or "writing", an
            error of the system's in the function or with the part; "lost", no word came from the
            worker; "function", it cannot be imported; "bug", anything else.
        told: what went wrong, for people. code: the system's number of an error in writing.
        rows: written. bytes: of the part, 0 where there are no rows, and then there is no part.
        counts: the function's own.
    """

    kind: Kind
    told: str = ""
    code: int = 0
    rows: int = 0
    bytes: int = 0
    counts: dict[str, int] = field(default_factory=dict)


def run_job(job: Job) -> Outcome:
    """Map one file; whatever goes wrong is told, not raised."""
    pa.set_cpu_count(job.threads)
    pa.set_io_thread_count(job.threads)
    if not job.part.parent.is_dir():
        told = f"not seen from {platform.node()}: every node must share the output's folder"
        return Outcome("writing", told, errno.ENOENT)
    try:
        function = load_function(job.function)
    except InputError as error:
        return Outcome("function", str(error))
    counts: Counter[str] = Counter()
    try:
        with PartWriter(job.part) as part:
            for item in function(job.path, **job.options):
                if isinstance(item, pa.Table):
                    part.write(item)
                elif isinstance(item, Mapping):
                    counts.update(item)
                else:
                    raise TypeError(f"{job.function} yields tables and counts, not {type(item)}")
    except InputError as error:
        told = str(error)
        return Outcome("bad input", told if job.shown in told else f"{job.shown}: {told}")
    except WriteError as error:
        return Outcome("writing", error.told, error.code)
    except (OSError, MemoryError) as error:
        return Outcome("reading", _last_line(error))
    except Exception as error:
        place = traceback.extract_tb(error.__traceback__)[-1]
        told = f"{place.filename}:{place.lineno} in {place.name}: {_last_line(error)}"
        return Outcome("bug", told)
    return Outcome("done", rows=part.rows, bytes=part.bytes, counts=dict(counts))


def load_function(word: str) -> MapFunction:
    """The function that a word names.

    Raises:
        InputError: the word is no `package.module:name`, or there is no such function.
    """
    module, _, name = word.partition(":")
    if not (module and name):
        raise InputError("no such function", where="function", found=word,
                         expected="package.module:name")  # fmt: skip
    try:
        function = getattr(importlib.import_module(module), name)
    except (ImportError, AttributeError) as error:
        raise InputError("this function cannot be imported", where="function", found=word,
                         expected=f"one that can ({error})") from None  # fmt: skip
    return function


def _last_line(error: BaseException) -> str:
    """What a traceback would end with."""
    return traceback.format_exception_only(error)[-1].strip()
