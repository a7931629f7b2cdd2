"""Drivers that are looked after: none of their processes outlives a test."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.driver import Driver

Start = Callable[..., Driver]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Start drivers in the test's folder; whatever they left is an error, and ended."""
    drivers: list[Driver] = []

    def begin(*argv: str, **environment: str) -> Driver:
        drivers.append(Driver(list(argv), tmp_path, environment))
        return drivers[-1]

    yield begin
    try:
        for driver in drivers:
            assert driver.leftovers() == []
    finally:
        for driver in drivers:
            driver.end()
