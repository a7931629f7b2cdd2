"""Files that appear whole: written under a temporary name beside their place, then renamed.

And what can be written as JSON that every reader takes.
"""

from __future__ import annotations

import math
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any


@contextmanager
def atomic_path(path: Path, *, durable: bool = False) -> Iterator[Path]:
    """A temporary path in the same folder that becomes `path` when the block ends well.

    Args:
        path: the file to replace or create; its folder exists.
        durable: also wait until the disk holds it, name and all, so that it outlives a loss of
            power.

    Raises:
        OSError: a full or read-only disk; `path` is then as it was before.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}.part{path.suffix}")
    try:
        yield temporary
        if durable:
            sync(temporary)
        temporary.replace(path)
        if durable:
            sync(path.parent)
    except OSError as error:
        if error.filename == str(temporary):  # a name that says nothing to the reader
            error.filename = str(path)
        raise
    finally:
        with suppress(OSError):
            temporary.unlink()


def sync(path: Path) -> None:
    """Wait until the disk holds a file's content, or a folder's names."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    except OSError as error:
        error.filename = str(path)
        raise
    finally:
        os.close(descriptor)


def atomic_write(path: Path, content: bytes | str, *, durable: bool = False) -> None:
    """Write a file in one piece (see `atomic_path`)."""
    with atomic_path(path, durable=durable) as temporary:
        temporary.write_bytes(content.encode() if isinstance(content, str) else content)


def finite(value: Any, digits: int = 17) -> Any:
    """A value with None for each number in it that is not finite, which JSON has no word for.

    Args:
        value: of mappings, sequences, numbers and text.
        digits: the significant ones that are kept; 17 keep every bit.
    """
    if isinstance(value, float):
        return float(f"{value:.{digits}g}") if math.isfinite(value) else None
    if isinstance(value, dict):
        return {key: finite(item, digits) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [finite(item, digits) for item in value]
    return value
