"""What `import distrib` offers: quick, typed, and never in the way of a command."""

from __future__ import annotations

import importlib
import pkgutil
import subprocess
import sys

import pytest

import distrib
from distrib.__main__ import COMMANDS

FRESH = """
import sys, time
began = time.perf_counter()
import distrib
print(time.perf_counter() - began)
print(*sorted({"ray", "torch", "jax", "optuna", "pandas", "numpy", "pydantic"} & set(sys.modules)))
"""


def test_no_function_has_the_name_of_a_module() -> None:
    modules = {module.name for module in pkgutil.iter_modules(distrib.__path__)}
    assert set(COMMANDS) <= modules
    assert modules & set(distrib.__all__) == set()
    for verb in COMMANDS:
        importlib.import_module(f"distrib.{verb}")
    for name in distrib.__all__:
        assert callable(getattr(distrib, name)), name
    assert set(distrib.__all__) <= set(dir(distrib))


def test_the_import_is_quick_and_light() -> None:
    done = subprocess.run(
        [sys.executable, "-c", FRESH], capture_output=True, text=True, timeout=60, check=True
    )
    seconds, heavy = done.stdout.splitlines()
    assert float(seconds) < 0.2
    assert heavy == ""


def test_what_is_not_there_is_told() -> None:
    with pytest.raises(AttributeError, match="no attribute 'serach'"):
        _ = distrib.serach  # type: ignore[attr-defined]
