"""Ray itself lost under a study: told, and ended in good order, before Ray ends the driver.

A driver whose raylet or whose cluster's head is gone is ended by Ray's C++, at once or after a
minute, with code 1 and a line that says nothing to its reader. No exception can be raised there.
"""

from __future__ import annotations

import os
import select
import shutil
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from distrib.cluster.ray_internals.start import own_processes, raylet_socket, started

LOOK = 0.5  # seconds between two looks whether the watch is over
PATIENCE = 50.0  # seconds without the head of a cluster; Ray itself gives it up after 60
ASK = 5.0  # seconds between two questions to the head of a cluster
INTERRUPTED = 130  # the exit code: a resume goes on

Lost = Callable[[str], None]
"""Tells the reader what is gone and how to go on; the process ends when it returns."""

WHO = {"raylet": "Ray's process of this node (raylet)", "gcs_server": "Ray's head (gcs_server)"}


@contextmanager
def ray_watched(own: bool, scratch: Path, lost: Lost) -> Iterator[None]:
    """End this process with code 130 if Ray is lost meanwhile.

    Args:
        own: whether the Ray is the driver's own, and ends with it.
        scratch: the driver's folder, removed then.
        lost: called first.
    """
    over = threading.Event()

    def end(who: str) -> None:
        if over.is_set():
            return
        with suppress(Exception):
            lost(f"{who} is gone")
        sys.stdout.flush()
        if own:
            _end_all()
        shutil.rmtree(scratch, ignore_errors=True)
        os._exit(INTERRUPTED)

    watch = _watch_own if own else _watch_cluster
    threading.Thread(target=watch, args=(over, end), daemon=True).start()
    try:
        yield
    finally:
        over.set()


def _watch_own(over: threading.Event, end: Callable[[str], None]) -> None:
    names = {pid: kind for kind, pids in own_processes().items() for pid in pids}
    with _Ends(names) as ends:
        while not over.is_set():
            for pid in ends.wait(LOOK):
                end(WHO[names[pid]])


def _watch_cluster(over: threading.Event, end: Callable[[str], None]) -> None:
    import ray

    host, _, port = ray.get_runtime_context().gcs_address.rpartition(":")
    answered = asked = time.monotonic()
    with socket.socket(socket.AF_UNIX) as raylet:
        raylet.connect(raylet_socket())
        hung_up = select.poll()
        hung_up.register(raylet, select.POLLHUP)
        while not over.is_set():
            if hung_up.poll(LOOK * 1000):
                end(WHO["raylet"])
            if time.monotonic() - asked < ASK:
                continue
            asked = time.monotonic()
            with suppress(OSError):
                socket.create_connection((host.strip("[]"), int(port)), timeout=ASK).close()
                answered = time.monotonic()
            if time.monotonic() - answered > PATIENCE:
                end(f"{WHO['gcs_server']} at {host}:{port}")


class _Ends:
    """Tells at once which of some child processes have ended; does not reap them."""

    def __init__(self, pids: dict[int, str]) -> None:
        self._pids = list(pids)
        self._files: dict[int, int] = {}
        self._poll = select.poll()

    def __enter__(self) -> _Ends:
        if hasattr(os, "pidfd_open"):  # not on macOS
            for pid in self._pids:
                with suppress(ProcessLookupError):
                    file = os.pidfd_open(pid)
                    self._files[file] = pid
                    self._poll.register(file, select.POLLIN)
        return self

    def __exit__(self, *error: object) -> None:
        for file in self._files:
            os.close(file)

    def wait(self, seconds: float) -> list[int]:
        if self._files:
            return [self._files[file] for file, _ in self._poll.poll(seconds * 1000)]
        time.sleep(seconds / 5)
        flags = os.WEXITED | os.WNOHANG | os.WNOWAIT
        return [pid for pid in self._pids if os.waitid(os.P_PID, pid, flags) is not None]


def _end_all() -> None:
    """End what is left of a Ray of our own; its workers end with their raylet."""
    import psutil

    left = started()
    for pids in own_processes().values():
        for pid in pids:
            with suppress(OSError):
                os.kill(pid, signal.SIGKILL)
    for process in left:
        with suppress(psutil.NoSuchProcess):
            process.kill()
