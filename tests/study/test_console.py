"""A job's console has what libraries hold back when it ends, and nothing of the job before."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]

SCRIPT = """
import ctypes, sys
from distrib.study.loop import console
libc = ctypes.CDLL(None)
libc.puts(b"before")
for name in ("a", "b"):
    with console(sys.argv[1] + "/" + name + ".log", 0):
        libc.puts(f"by C in {name}".encode())
        print(f"by Python in {name}")
libc.puts(b"after")
"""


def test_what_the_c_library_holds_back_is_in_the_console_of_its_job(tmp_path: Path) -> None:
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONUNBUFFERED"}
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, str(tmp_path)],
        capture_output=True, text=True, timeout=60, cwd=ROOT, env=environment, check=True,
    )  # fmt: skip
    assert done.stdout.split() == ["before", "after"]
    for name in ("a", "b"):
        lines = (tmp_path / f"{name}.log").read_text().splitlines()
        assert sorted(lines) == [f"by C in {name}", f"by Python in {name}"]
