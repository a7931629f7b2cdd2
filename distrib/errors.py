"""The error that wrong input raises; the commands print it without a traceback and exit 2."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path


class InputError(ValueError):
    """Input that cannot be used, told so that its reader can mend it.

    Args:
        problem: what is wrong, in one sentence without a full stop.
        file: the file (or folder) at fault.
        where: the row, column or key at fault, such as ``row 7, column "target"``.
        found: what stands there.
        expected: what should stand there.
        hint: what to do about it.

    Attributes:
        placed: whether it says where, by `file` or `where`. file: as given.
    """

    def __init__(
        self,
        problem: str,
        *,
        file: object = None,
        where: str | None = None,
        found: object = None,
        expected: str | None = None,
        hint: str | None = None,
    ) -> None:
        place = ", ".join(str(part) for part in (file, where) if part is not None)
        lines = [f"{place}: {problem}" if place else problem]
        if found is not None:
            lines.append(f"  found:    {found}")
        if expected is not None:
            lines.append(f"  expected: {expected}")
        if hint is not None:
            lines.append(f"  hint:     {hint}")
        self.placed = bool(place)
        self.file = file
        super().__init__("\n".join(lines))

    def __reduce__(self) -> tuple[object, tuple[str]]:
        # The text is complete: an error raised on a worker reads the same in the driver.
        return type(self), (str(self),)


def one_line(error: object) -> str:
    """All that an error says, what was found and what to do about it included, in one line."""
    lines = (" ".join(line.split()) for line in str(error).splitlines())
    return "; ".join(line for line in lines if line)


@contextmanager
def said_in(file: object) -> Iterator[None]:
    """Put a file, or a folder, before what turns out to be wrong with it, where that names none."""
    try:
        yield
    except InputError as error:
        if not file or str(file).rstrip("/") in str(error):
            raise
        if error.file is not None and Path(str(error.file)).exists():
            raise  # another file is at fault, such as that of weights to begin with
        raise InputError(f"{file}{', ' if error.placed else ': '}{error}") from None


class DataError(InputError):
    """Data that turn out to be bad while they are used, whatever the configuration."""


def nearest(word: str, valid: Iterable[str]) -> str | None:
    """A hint naming the valid word closest to `word`, or None where nothing is close."""
    close = difflib.get_close_matches(word, list(valid), n=1, cutoff=0.6)
    return f"did you mean {close[0]!r}?" if close else None
