"""Processes of Ray that are gone: of what class that is, and why in one line."""

from __future__ import annotations

import re

import ray

from distrib.records import FailureClass

_COLOURS = re.compile(r"\x1b\[[0-9;]*m")


def failure_of(said: str) -> tuple[FailureClass, str]:
    """Class and reason of a loss, by what Ray says of it."""
    # Of its memory monitor, which ends processes before the kernel does.
    if "low on memory" in said:
        used = re.search(r"was (\S+ used / \S+) limit", said)
        shown = f" ({used[1]})" if used else ""
        return "out of memory", f"Ray ended its process: the node ran low on memory{shown}"
    lines = _COLOURS.sub("", said).strip().splitlines() or ["its process died"]
    # An error within a process of Ray comes with its traceback, whose last line is the error.
    return "lost node", lines[-1 if lines[0].startswith("ray::") else 0].strip()


def why_lost(error: BaseException) -> str | None:
    """Why a process that a call needed is gone; None where the error is another one."""
    if isinstance(error, ray.exceptions.RayTaskError):
        return None  # raised by what it called
    if not isinstance(error, ray.exceptions.RayError):
        return None
    return failure_of(str(error))[1]
