"""Text files as people bring them: encodings, byte-order marks, and what is no text at all."""

from __future__ import annotations

import codecs
import gzip
import io
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from distrib.data.files.disguises import HEAD, refuse_disguised
from distrib.errors import InputError

TEXT_SUFFIXES = (".csv", ".tsv", ".txt")
TABLE_SUFFIXES = (".parquet", *TEXT_SUFFIXES)

_BOMS = (
    (codecs.BOM_UTF32_LE, "utf-32"),  # before UTF-16, whose mark it begins with
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)


def suffix(path: Path) -> str:
    """The ending that tells the form of a file, in lower case; `.gz` is looked through."""
    return Path(path.stem if path.suffix.lower() == ".gz" else path.name).suffix.lower()


def read_lines(path: Path) -> list[str]:
    """The lines of a text file, stripped of white space, without empty ones at its end.

    Raises:
        InputError: where the file is missing, empty or not text.
    """
    with open_text(path) as file:
        lines = [line.strip() for line in file]
    while lines and not lines[-1]:
        lines.pop()
    if not lines:
        raise InputError("the file is empty", file=path)
    return lines


def check_file(path: Path) -> None:
    """Raise where `path` is not a file with something in it."""
    if not path.exists():
        raise InputError("no such file", file=path)
    if path.is_dir():
        raise InputError("a folder where a file is expected", file=path)
    if path.stat().st_size == 0:
        raise InputError("the file is empty", file=path)


@contextmanager
def open_text(path: Path) -> Iterator[IO[str]]:
    """Opens a text file (also `.gz`) in the encoding that its first bytes tell, else UTF-8.

    Line ends are left as they are, but where lines are asked for, all kinds end one.

    Raises:
        InputError: also while it is read, naming the first byte that is no text.
    """
    check_file(path)
    if suffix(path) in (".xlsx", ".xls", ".ods"):
        raise InputError(
            "a spreadsheet cannot be read", file=path, hint='save it as "CSV UTF-8" first'
        )
    try:
        with _bytes(path) as file:
            start = file.read(HEAD)
        refuse_disguised(path, start)
        encoding = next((name for mark, name in _BOMS if start.startswith(mark)), "utf-8")
        with io.TextIOWrapper(_bytes(path), encoding=encoding, newline="") as text:
            yield text
    except UnicodeError as error:
        raise _not_text(path, error) from None
    except (OSError, EOFError, zlib.error) as error:
        raise InputError("the file cannot be read", file=path, found=error) from None


def _bytes(path: Path) -> IO[bytes]:
    return gzip.open(path) if path.suffix.lower() == ".gz" else path.open("rb")  # type: ignore[return-value]


def _not_text(path: Path, error: UnicodeError) -> InputError:
    """Decoding is done piece by piece: only the whole file tells where the fault lies."""
    with _bytes(path) as file:
        content = file.read()
    try:
        content.decode("utf-8")
    except UnicodeDecodeError as exact:
        byte = content[exact.start]
        character = bytes([byte]).decode("cp1252", errors="replace")
        row = content[: exact.start].count(b"\n") + 1
        return InputError(
            "the file is not UTF-8 text",
            file=path,
            where=f"byte {exact.start} (row {row})",
            found=f"0x{byte:02X}, {character!r} in Latin-1",
            expected="UTF-8",
            hint='save the table as "CSV UTF-8", or convert it: iconv -f latin1 -t utf-8',
        )
    return InputError("the file is not text", file=path, found=error)
