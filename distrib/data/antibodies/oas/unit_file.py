"""The file of a data unit: local or at an address, gzip of one member or of several."""

from __future__ import annotations

import gzip
from collections.abc import Iterator
from contextlib import contextmanager
from typing import BinaryIO

from distrib.errors import InputError


class DamagedError(Exception):
    """A file that is no gzip file, is cut off, or whose content is not what its sums say."""


@contextmanager
def opened(path: str) -> Iterator[BinaryIO]:
    """What a unit holds, decompressed as it is read.

    By ISA-L, which takes half of zlib's time: decompressing is the largest part of reading a unit.

    Raises:
        InputError: the package for it is not installed.
        DamagedError: as it is read.
        OSError: of the disk or the network.
    """
    try:
        from isal import igzip, igzip_lib
    except ModuleNotFoundError:
        raise InputError(
            "a package that reads data units is not installed",
            found="no module 'isal'",
            hint="pip install -c constraints.txt -e '.[antibodies]'",
        ) from None
    try:
        with _raw(path) as raw, igzip.open(raw) as text:
            yield text
    except (gzip.BadGzipFile, EOFError, igzip_lib.IsalError) as error:  # type: ignore[misc]
        raise DamagedError(str(error)) from None


def _raw(path: str) -> BinaryIO:
    if "://" not in path:
        return open(path, "rb")  # noqa: PTH123
    import fsspec

    return fsspec.open(path, "rb").open()
