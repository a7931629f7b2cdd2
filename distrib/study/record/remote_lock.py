"""One driver at a time of a study at a URL, as far as an object store lets drivers tell.

A store has no locks. A driver leaves a note there and renews it every few seconds. Another that
finds the note renewed is refused; if it stays as it is, its driver is dead, and the other goes on.
A driver that slept meanwhile, as a laptop does, finds its note gone or another's, and stops.
"""

from __future__ import annotations

import atexit
import errno
import json
import os
import socket
import threading
import time
import uuid
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from distrib.errors import InputError

NOTE = "driver.json"
BEAT = 5.0  # seconds between two renewals
PATIENCE = 3 * BEAT  # seconds in which a driver that lives renews its note
SETTLED = 0.5  # seconds after which of two notes at once the later one stands


class RemoteLock:
    """The note of this driver under `root` of a filesystem of fsspec's."""

    def __init__(self, filesystem: Any, root: str, url: str) -> None:
        self._fs, self._path, self._url = filesystem, f"{root}/{NOTE}", url
        self._token = uuid.uuid4().hex
        self._over = threading.Event()
        self._thread: threading.Thread | None = None
        self._lost = False
        self._renewed = 0.0

    def acquire(self, say: Callable[[str], None] = print) -> None:
        """Hold the study, unless it is held already.

        Raises:
            InputError: another driver runs it.
        """
        if self._thread is not None:
            return
        found = self._read()
        if found is not None:
            say(f"a driver of {self._url} did not say that it ended; looking whether it still runs")
            self._outwait(found)
        self._write(0)
        time.sleep(SETTLED)
        if not self._is_mine(self._read()):
            raise self._refusal(self._read())
        self._renewed = time.time()
        self._thread = threading.Thread(target=self._renew, daemon=True)
        self._thread.start()
        atexit.register(self.release)

    @property
    def is_noted(self) -> bool:
        """Whether some driver has said that it runs the study, and not yet that it ended."""
        return self._read() is not None

    def check(self) -> None:
        """Before every write: raise where another driver took the study over.

        Raises:
            OSError: it did, since this one seemed dead to it.
        """
        if self._thread is None:
            return
        if time.time() - self._renewed > PATIENCE:  # this machine slept, or its store was away
            self._lost = self._lost or not self._is_mine(self._read())
        if self._lost:
            raise OSError(errno.EBUSY, "another driver took this study over", self._url)

    def release(self) -> None:
        """Take the note away."""
        if self._thread is None or self._over.is_set():
            return
        self._over.set()
        self._thread.join()
        with suppress(Exception):  # every store has errors of its own, and the study has ended
            if not self._lost and self._is_mine(self._read()):
                self._fs.rm_file(self._path)

    def _outwait(self, found: bytes) -> None:
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end:
            time.sleep(BEAT / 5)
            now = self._read()
            if now is None:
                return
            if now != found:
                raise self._refusal(now)

    def _renew(self) -> None:
        count = 0
        while not self._over.wait(BEAT):
            with suppress(Exception):  # a store that is away is told by whoever writes the study
                if not self._is_mine(self._read()):
                    self._lost = True
                    return
                count += 1
                self._write(count)
                self._renewed = time.time()

    def _read(self) -> bytes | None:
        try:
            return bytes(self._fs.cat_file(self._path))
        except FileNotFoundError:
            return None

    def _write(self, count: int) -> None:
        note = {
            "token": self._token,
            "host": socket.gethostname(),
            "process": os.getpid(),
            "renewed": count,
        }
        self._fs.makedirs(self._path.rpartition("/")[0], exist_ok=True)
        self._fs.pipe_file(self._path, json.dumps(note).encode())

    def _is_mine(self, note: bytes | None) -> bool:
        return note is not None and self._token.encode() in note

    def _refusal(self, note: bytes | None) -> InputError:
        holder = "unknown"
        with suppress(ValueError, TypeError, KeyError):
            content = json.loads(note or b"")
            holder = f"process {content['process']} on {content['host']}"
        return InputError("another driver runs this study", file=self._url, found=holder)
