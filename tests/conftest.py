"""Fixtures every test may use."""

from __future__ import annotations

import atexit
import os
import shutil
import signal
import tempfile
import threading
from pathlib import Path

import pytest
from hypothesis import settings

from distrib.cluster.environment import COMPILED, compiled_here
from tests.support import tiers

# A test of properties is judged by what it finds, never by how busy the machine is.
settings.register_profile("distrib", deadline=None)
settings.load_profile("distrib")

# What JAX compiled for one test is there for all the others, in whatever process.
if COMPILED not in os.environ:
    place = tempfile.mkdtemp(prefix="compiled-")
    atexit.register(shutil.rmtree, place, ignore_errors=True)
    os.environ.update(compiled_here(Path(place)))

# Most of what JAX compiles here runs a few times: to optimise it takes longer than it saves. The
# golden losses are compiled as a user's are.
os.environ.setdefault(
    "XLA_FLAGS",
    "--xla_backend_optimization_level=0 --xla_llvm_disable_expensive_passes=true",
)

# What `nohup` or the `&` of a script have ignored, whatever the tests start would ignore too.
if threading.current_thread() is threading.main_thread():
    signal.signal(signal.SIGHUP, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)


tiers.watch()


def pytest_runtest_setup(item: pytest.Item) -> None:
    tiers.begins(item)


@pytest.fixture(scope="session")
def real_data() -> Path:
    """The folder of real data sets, or a skip that says how to name one."""
    default = Path(__file__).resolve().parents[2] / "shared" / "data"
    folder = Path(os.environ.get("DISTRIB_REAL_DATA", default))
    if not folder.is_dir():
        pytest.skip("no real data: set DISTRIB_REAL_DATA to its folder")
    return folder
