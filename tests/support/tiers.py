"""The tiers of the tests by marker: unit (none), `ray` and `exhaustive`; only these two start Ray.

A test that starts Ray without saying so fails, in this process as in a driver of its own.
"""

from __future__ import annotations

import sys
from typing import Any

import pytest

TIERS = ("ray", "exhaustive")
UNMARKED = "a test that starts Ray carries the marker `ray`, or `exhaustive`"

_running: list[pytest.Item] = []


def begins(item: pytest.Item) -> None:
    """This test is the one that runs now, its fixtures included."""
    _running[:] = [item]


def may_start_ray() -> None:
    """Called by whatever starts Ray for a test.

    Raises:
        AssertionError: the test that runs is not marked.
    """
    assert all(any(map(item.get_closest_marker, TIERS)) for item in _running), UNMARKED


def watch() -> None:
    """From now on Ray's head is not started from this process for a test that is not marked."""

    def hook(event: str, arguments: tuple[Any, ...]) -> None:
        if event == "subprocess.Popen" and "gcs_server" in str(arguments[0]):
            may_start_ray()

    sys.addaudithook(hook)
