"""A job's console has what libraries hold back when it ends, and nothing of the job before."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]

SCRIPT = """
import ctypes, sys
from distrib.study.worker.trial_runner import console
echo = len(sys.argv) > 2
libc = ctypes.CDLL(None)
libc.puts(b"before")
for name in ("a", "b"):
    with console(sys.argv[1] + "/" + name + ".log", 0, echo=echo):
        libc.puts(f"by C in {name}".encode())
        print(f"by Python in {name}")
libc.puts(b"after")
"""


@pytest.mark.parametrize("echo", [False, True])
def test_what_the_c_library_holds_back_is_in_the_console_of_its_job(
    tmp_path: Path, echo: bool
) -> None:
    """And, where that is wanted, on the screen as well."""
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONUNBUFFERED"}
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, str(tmp_path), *["echo"] * echo],
        capture_output=True, text=True, timeout=60, cwd=ROOT, env=environment, check=True,
    )  # fmt: skip
    said = done.stdout.splitlines()
    assert said[0] == "before"
    assert said[-1] == "after"
    inside = [f"by {what} in {name}" for name in ("a", "b") for what in ("C", "Python")]
    assert sorted(said[1:-1]) == (sorted(inside) if echo else [])
    for name in ("a", "b"):
        lines = (tmp_path / f"{name}.log").read_text().splitlines()
        assert sorted(lines) == [f"by C in {name}", f"by Python in {name}"]
