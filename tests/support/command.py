"""A command gone through in the process of the tests."""

from __future__ import annotations

import importlib
import io
from contextlib import chdir, redirect_stderr, redirect_stdout
from pathlib import Path
from unittest.mock import patch


def command(folder: Path, verb: str, *words: str, code: int = 0) -> str:
    """Go through a command in `folder`; what it said."""
    said = io.StringIO()
    command = patch("sys.argv", [f"{verb}.py", *words])  # which a study's report tells
    with chdir(folder), redirect_stdout(said), redirect_stderr(said), command:
        found = importlib.import_module(f"distrib.{verb}").main(words)
    assert found == code, said.getvalue()
    assert "Traceback" not in said.getvalue()
    return said.getvalue()
