"""What every process of a study's own Ray imports as it starts, before there is anything to do.

Ray does that by the name of this module; nobody else should import it.
"""

from __future__ import annotations

import importlib
import os
import threading
import time
from contextlib import suppress

from distrib.cluster.environment import FRAMEWORK
from distrib.study import slot, tasks

__all__ = ["slot", "tasks"]

MOMENT = 0.2  # seconds in which a process hears that it is to load the data


def _import_framework() -> None:
    """The largest import, in all processes but the one that loads the data.

    That one seldom needs it, and would only take the time of those that wait for it.
    """
    time.sleep(MOMENT)
    if name := os.environ.get(FRAMEWORK):
        with suppress(ImportError):  # who needs it says so
            importlib.import_module(name)


threading.Thread(target=_import_framework, daemon=True).start()
