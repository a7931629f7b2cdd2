"""A machine on which others listen at Ray's ports, and whose places for temporary files are none.

A Ray of our own takes ports that are free, and a place of its own for its files.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any

import pytest

from tests.support.driver import write_space

pytestmark = [pytest.mark.exhaustive, pytest.mark.timeout(300)]

PORTS = (6379, 8265)  # of Ray's head and of its dashboard


@pytest.fixture
def listeners() -> Iterator[None]:
    """Somebody at each of the ports."""
    with ExitStack() as stack:
        for port in PORTS:
            with suppress(OSError):  # somebody listens there already
                stack.enter_context(socket.create_server(("127.0.0.1", port)))
        yield


@pytest.mark.usefixtures("listeners")
@pytest.mark.parametrize("name", ["a file", "x" * 120], ids=["file", "long"])
def test_a_dry_run_succeeds(name: str, start: Any, tmp_path: Path) -> None:
    """Where the place of the environment is no folder, or too long for the path of a socket.

    With as many CPUs as `--concurrent` wants.
    """
    place = tmp_path / name
    place.touch() if name == "a file" else place.mkdir()
    write_space(tmp_path / "toy.yaml", {"pause": 0})
    places = {"TMPDIR": str(place), "RAY_TMPDIR": str(place)}
    many = (os.cpu_count() or 1) + 3
    driver = start("--space", "toy.yaml", "--dry-run", "--concurrent", str(many), **places)
    assert driver.wait() == 0, driver.said()
    assert f"estimate: {many} trials at a time" in driver.said()
