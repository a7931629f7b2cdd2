"""GPUs as their driver lists them: `nvidia-smi` is a script here."""

from __future__ import annotations

from pathlib import Path

import pytest

from distrib.cluster.gpus import gpu_checks, nvidia_gpus

LINES = """NVIDIA H100 80GB HBM3, 81559, 4, 0
NVIDIA A100-SXM4-40GB, 40960, 30720, 97
NVIDIA GB10, [N/A], [N/A], 0
"""


@pytest.fixture
def driver(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A program of that name, first in the path; what it prints is in the file given."""
    script = tmp_path / "nvidia-smi"
    script.write_text(f"#!/bin/sh\ncat {tmp_path / 'lines'}\n")
    script.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    return tmp_path / "lines"


def test_used_and_unused_gpus_are_told_apart(driver: Path) -> None:
    driver.write_text(LINES)
    assert [str(gpu) for gpu in nvidia_gpus()] == [
        "NVIDIA H100 80GB HBM3, 79.6 GiB, unused",
        "NVIDIA A100-SXM4-40GB, 40.0 GiB, in use (30.0 GiB, 97%)",
        "NVIDIA GB10, 0.0 GiB, unused",
    ]
    by_name = {check.name: check for check in gpu_checks(nvidia_gpus())}
    assert by_name["GPU use"].found.startswith("2 of 3 unused")
    assert "--gpus-per-worker" in (by_name["GPU use"].advice or "")


def test_a_machine_without_a_driver_has_none(driver: Path) -> None:
    driver.write_text("")
    assert [(check.name, check.found) for check in gpu_checks(nvidia_gpus())] == [("GPUs", "none")]
