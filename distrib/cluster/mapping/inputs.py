"""The files that a map works on: each named once, all there before anything starts."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from distrib.errors import InputError

LOOKS = 32  # files looked at side by side: a store far away answers each in tens of milliseconds

# What stores tell of a file, the surest sign of a change first.
_MARKS = ("ETag", "etag", "md5Hash", "generation", "version_id", "LastModified", "last_modified",
          "updated", "mtime", "modified", "created")  # fmt: skip


@dataclass(frozen=True)
class Input:
    """One file as it stood before the map read it.

    Attributes:
        path: absolute, or a URL.
        size: bytes; 0 where a store does not tell.
        mark: its time of change in nanoseconds, or what its store tells instead, such as an ETag;
            empty where a store tells nothing, and then a change goes unseen.
    """

    path: str
    size: int
    mark: str

    @property
    def key(self) -> str:
        """A name for it that is a file's name too."""
        return hashlib.blake2b(os.fsencode(self.path), digest_size=16).hexdigest()

    @property
    def shown(self) -> str:
        """Its path as people may see it: a URL without the credentials that it may carry."""
        if "://" not in self.path:
            return self.path
        parts = urlsplit(self.path)
        return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"


def find_inputs(paths: Iterable[str | Path]) -> list[Input]:
    """The files at these paths or URLs, in the order given.

    Raises:
        InputError: no path at all, one that is given twice, missing, a folder or out of reach.
    """
    names = [path if _is_url(path) else str(Path(path).absolute()) for path in map(str, paths)]
    if not names:
        raise InputError("there are no files to work on", expected="one or more")
    first: dict[str, int] = {}
    for position, name in enumerate(names):
        if first.setdefault(name, position) != position:
            raise InputError(
                "this file is given twice",
                file=Input(name, 0, "").shown,
                found=f"inputs {first[name] + 1} and {position + 1}",
                expected="every file once",
            )
    with ThreadPoolExecutor(min(LOOKS, len(names))) as threads:
        return list(threads.map(_look, names))


def _is_url(path: str) -> bool:
    return "://" in path


def _look(name: str) -> Input:
    return _look_at_store(name) if _is_url(name) else _look_at_disk(name)


def _look_at_disk(name: str) -> Input:
    path = Path(name)
    try:
        stat = path.stat()
    except OSError as error:
        raise InputError("the file cannot be found", file=name, found=error.strerror) from None
    if not path.is_file():
        raise InputError("not a file", file=name, expected="a file")
    return Input(name, stat.st_size, str(stat.st_mtime_ns))


def _look_at_store(name: str) -> Input:
    import fsspec

    shown = Input(name, 0, "").shown
    try:
        filesystem, path = fsspec.core.url_to_fs(name)
        info: dict[str, Any] = filesystem.info(path)
    except FileNotFoundError:
        raise InputError("the file cannot be found", file=shown) from None
    except Exception as error:  # every store has errors of its own
        raise InputError("this URL cannot be read", file=shown, found=error) from None
    if info.get("type") == "directory":
        raise InputError("not a file", file=shown, expected="a file")
    mark = next((f"{key} {info[key]}" for key in _MARKS if info.get(key) is not None), "")
    return Input(name, int(info.get("size") or 0), mark)
