"""`--help` of every command: examples, and no heavy import on the way."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from distrib.__main__ import COMMANDS

HEAVY = ("ray", "torch", "jax", "optuna", "pandas", "numpy", "scipy", "pyarrow", "tensorboard")

HELP = """
import importlib, sys
try:
    code = importlib.import_module("distrib.{module}").main(["--help"])
except SystemExit as end:
    code = end.code
print("heavy:", *sorted(set({heavy!r}) & set(sys.modules)))
sys.exit(code)
"""


@pytest.mark.parametrize("command", ["__main__", *COMMANDS])
def test_help_has_examples_and_imports_nothing_heavy(command: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", HELP.format(module=command, heavy=HEAVY)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert f"python -m distrib.{'tune' if command == '__main__' else command} " in done.stdout
    assert done.stdout.splitlines()[-1] == "heavy:"
    if command == "__main__":
        assert all(f"distrib.{name}" in done.stdout for name in COMMANDS)
    else:
        assert "examples:\n  python -m distrib." in done.stdout


def test_an_unknown_door_is_refused_with_the_nearest() -> None:
    done = subprocess.run(
        [Path(sys.executable).with_name("distrib"), "tnue"],  # the same, installed as a script
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 2
    assert "did you mean 'tune'?" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_reader_that_has_seen_enough_is_no_fault() -> None:
    program = f"{sys.executable} -m distrib --help"
    done = subprocess.run(
        ["bash", "-c", f"set -o pipefail; {{ sleep 0.2; {program}; }} | true"],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
