"""Importing what a process will compute with, in a thread, before there is anything to do."""

from __future__ import annotations

import importlib
import os
import threading
from contextlib import suppress

from distrib.cluster.environment import FRAMEWORK

MOMENT = 0.2  # seconds in which a process hears that it is to load the data

_settled = threading.Event()
_thread: threading.Thread | None = None


def begin() -> None:
    """Import the framework unless `settle` comes at once, as in the process that loads the data.

    That one seldom needs it, and would only take the time of those that wait for it.
    """
    global _thread
    if os.environ.get(FRAMEWORK):
        _thread = threading.Thread(target=_import_framework, daemon=True)
        _thread.start()


def settle() -> None:
    """Before anything of the framework is imported elsewhere: it has been, or is left to that.

    Two threads that import parts of torch, or of JAX, fail both.
    """
    _settled.set()
    if _thread is not None:
        _thread.join()


def _import_framework() -> None:
    if not _settled.wait(MOMENT):
        with suppress(Exception):  # who needs it tries again, and says what is wrong
            importlib.import_module(os.environ[FRAMEWORK])
