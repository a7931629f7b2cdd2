"""A process that takes long to start, beside one that is done with trial after trial meanwhile."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.driver import write_space

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(300)]


def test_it_is_waited_for(start: Any, tmp_path: Path) -> None:
    """Tune, left alone, gives the free process what the other would have run, and ends that one."""
    write_space(tmp_path / "toy.yaml", {"pause": 0.02}, scheduler="none", trials=60)
    driver = start(
        *("--space", "toy.yaml", "--concurrent", "2", "--sampler", "random"),
        door="tests.slow_tune",
        BEGAN=str(tmp_path),
    )
    assert driver.wait() == 0, driver.said()
    assert len(list(tmp_path.glob("trains-*"))) == 2
