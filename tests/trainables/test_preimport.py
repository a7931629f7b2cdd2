"""Importing ahead: all of it, or nothing."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from distrib.cluster.environment import FRAMEWORK

SCRIPT = """
import sys, time
from distrib.trainables import preimport as ahead
ahead.begin()
time.sleep(float(sys.argv[1]))
ahead.settle()
module = sys.modules.get("slow_framework")
print(module and module.done)
"""


@pytest.mark.parametrize(
    ("seconds", "name", "found"),
    [
        (0, "slow_framework", None),  # the process has something else to do
        (3 * 0.2, "slow_framework", True),  # begun, so to its end
        (3 * 0.2, "no_such_framework", None),
        (3 * 0.2, "broken_framework", None),
        (0, "", None),
    ],
)
def test_all_or_nothing(seconds: float, name: str, found: bool | None, tmp_path: Path) -> None:
    slow = "import time\ndone = False\ntime.sleep(1.5)\ndone = True\n"
    (tmp_path / "slow_framework.py").write_text(slow)
    (tmp_path / "broken_framework.py").write_text("1 / 0\n")
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, str(seconds)],
        env={"PYTHONPATH": f"{tmp_path}:{Path(__file__).parents[2]}", FRAMEWORK: name},
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert (done.stdout.strip(), done.stderr) == (str(found), "")
