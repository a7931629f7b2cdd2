"""Fixtures every test may use."""

from __future__ import annotations

import os
import signal
import threading
from pathlib import Path

import pytest
from hypothesis import settings

# A test of properties is judged by what it finds, never by how busy the machine is.
settings.register_profile("distrib", deadline=None)
settings.load_profile("distrib")

# What `nohup` or the `&` of a script have ignored, whatever the tests start would ignore too.
if threading.current_thread() is threading.main_thread():
    signal.signal(signal.SIGHUP, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session")
def real_data() -> Path:
    """The folder of real data sets, or a skip that says how to name one."""
    default = Path(__file__).resolve().parents[2] / "shared" / "data"
    folder = Path(os.environ.get("DISTRIB_REAL_DATA", default))
    if not folder.is_dir():
        pytest.skip("no real data: set DISTRIB_REAL_DATA to its folder")
    return folder
