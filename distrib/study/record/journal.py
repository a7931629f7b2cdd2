"""The ledger's file: Optuna's journal with a single writer, repaired before it is opened.

Optuna's own file backend locks and syncs every line and glues a new line to a torn one, which ruins
the file. Here the study's lock makes the driver the only writer, so lines are appended to an open
file, and synced to the disk when a trial ends. The format is Optuna's: its tools open the file.
"""

from __future__ import annotations

import errno
import json
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from optuna.storages.journal import BaseJournalBackend

TOGETHER = "together"  # on the first of some lines that were written in one piece: how many


class LedgerError(OSError):
    """The ledger cannot be written: the study must stop, and can be resumed."""


def repair(path: Path) -> str | None:
    """Cut what is torn off the end of a journal; what was cut is told, or None.

    A driver that is killed while it appends leaves a part of a line, or of the lines that it wrote
    together (see `JournalFile.together`), of which nothing counts yet.
    """
    if not path.exists():
        return None
    content = path.read_bytes()
    lines = content.splitlines(keepends=True)
    if lines and not _is_whole(lines[-1]):
        lines.pop()
    for i in reversed(range(len(lines))):
        if TOGETHER.encode() in lines[i] and (count := json.loads(lines[i]).get(TOGETHER)):
            if len(lines) - i < count:
                del lines[i:]
            break
    end = sum(map(len, lines))
    if end == len(content):
        return None
    with path.open("r+b") as file:
        file.truncate(end)
        os.fsync(file.fileno())
    return f"{path.name}: the last line was torn; {len(content) - end} bytes of it were cut off"


def _is_whole(line: bytes) -> bool:
    try:
        return line.endswith(b"\n") and isinstance(json.loads(line), dict)
    except ValueError:
        return False


class JournalFile(BaseJournalBackend):
    """Appends to a journal; reads back what was there before.

    Args:
        path: the journal; created if it is missing.
        read_only: for readers beside the driver, who neither repair nor write; a torn last line
            is passed over.
    """

    def __init__(self, path: Path, *, read_only: bool = False) -> None:
        self.path = path
        self.torn = None if read_only else repair(path)
        self._file = None if read_only else path.open("ab", buffering=0)
        self._fresh: list[dict[str, Any]] = []  # appended, and not yet read back by the storage
        self._read = 0
        self._held: list[bytes] | None = None

    def read_logs(self, log_number_from: int) -> Iterable[dict[str, Any]]:
        if log_number_from == self._read and log_number_from > 0:
            fresh, self._fresh = self._fresh, []
            self._read += len(fresh)
            return fresh
        self._fresh = []
        lines = self.path.read_bytes().splitlines(keepends=True)
        logs = [json.loads(line) for line in lines if line.endswith(b"\n")]
        self._read = len(logs)
        return logs[log_number_from:]

    def append_logs(self, logs: list[dict[str, Any]]) -> None:
        if self._file is None:
            raise LedgerError(f"{self.path} was opened for reading")
        lines = [_encoded(log) for log in logs]
        if self._held is None:
            self._write(b"".join(lines))
        else:
            self._held += lines
        self._fresh += map(json.loads, lines)

    @contextmanager
    def together(self) -> Iterator[None]:
        """Write what is appended meanwhile in one piece: a crash leaves all of it or nothing."""
        held: list[bytes] = []
        self._held = held
        try:
            yield
        finally:
            self._held = None
        if held:
            held[0] = _encoded({**json.loads(held[0]), TOGETHER: len(held)})
            self._write(b"".join(held))

    def _write(self, content: bytes) -> None:
        assert self._file is not None
        try:
            written = self._file.write(content)
        except OSError as error:
            raise LedgerError(error.errno, error.strerror, str(self.path)) from error
        if written != len(content):
            self._undo(written)
            raise LedgerError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(self.path))

    def sync(self) -> None:
        """Wait until the disk holds every line."""
        if self._file is not None:
            try:
                os.fsync(self._file.fileno())
            except OSError as error:
                raise LedgerError(error.errno, error.strerror, str(self.path)) from error

    def close(self) -> None:
        """Sync, and let go of the file."""
        if self._file is not None:
            self.sync()
            self._file.close()
            self._file = None

    def _undo(self, written: int) -> None:
        """Take back what was written of a line in part, and nothing else, whoever wrote beside it.

        Others append as well: optuna-dashboard its notes. Where one came after the part, that is
        made of spaces, which may stand before a line. Where all of it fails, `repair` will do.
        """
        assert self._file is not None
        descriptor = self._file.fileno()
        with suppress(OSError):
            end = os.lseek(descriptor, 0, os.SEEK_CUR)  # where its own last append has ended
            if os.fstat(descriptor).st_size == end:
                os.ftruncate(descriptor, end - written)
                return
            with self.path.open("r+b", buffering=0) as file:
                file.seek(end - written)
                file.write(b" " * written)


def _encoded(log: dict[str, Any]) -> bytes:
    return json.dumps(log, separators=(",", ":")).encode() + b"\n"
