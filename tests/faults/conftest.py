"""Drivers that are looked after: none of their processes outlives the tests."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.support.driver import Driver

Start = Callable[..., Driver]


@pytest.fixture(scope="session")
def killed() -> Iterator[list[Driver]]:
    """Drivers that were killed: Ray's agents notice it after up to a minute, so look at the end."""
    drivers: list[Driver] = []
    yield drivers
    look_after(drivers)


@pytest.fixture
def start(tmp_path: Path, killed: list[Driver]) -> Iterator[Start]:
    """Start drivers in the test's folder; whatever they leave running is an error, and ended."""
    drivers: list[Driver] = []

    def begin(*argv: str, command: str = "distrib.tune", **environment: str) -> Driver:
        drivers.append(Driver(list(argv), tmp_path, environment, command))
        return drivers[-1]

    yield begin
    killed += [driver for driver in drivers if driver.process.poll() == -9]
    look_after([driver for driver in drivers if driver not in killed])


def look_after(drivers: list[Driver]) -> None:
    """Assert that nothing of these drivers runs any more, and end what does."""
    try:
        assert [line for driver in drivers for line in driver.leftovers()] == []
    finally:
        for driver in drivers:
            driver.end()
