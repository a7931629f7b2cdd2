"""Fixtures every test may use."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import settings

# A test of properties is judged by what it finds, never by how busy the machine is.
settings.register_profile("distrib", deadline=None)
settings.load_profile("distrib")


@pytest.fixture(scope="session")
def real_data() -> Path:
    """The folder of real data sets, or a skip that says how to name one."""
    default = Path(__file__).resolve().parents[2] / "shared" / "data"
    folder = Path(os.environ.get("DISTRIB_REAL_DATA", default))
    if not folder.is_dir():
        pytest.skip("no real data: set DISTRIB_REAL_DATA to its folder")
    return folder
