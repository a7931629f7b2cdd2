"""Processes of Ray that are gone: of what class that is, and why in one line."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import ray
from ray.air.execution._internal.actor_manager import RayActorManager

from distrib.cluster.patch import patched
from distrib.records import FailureClass


def failure_of(said: str) -> tuple[FailureClass, str]:
    """Class and reason of a loss, by what Ray says of it."""
    # Of its memory monitor, which ends processes before the kernel does.
    if "low on memory" in said:
        used = re.search(r"was (\S+ used / \S+) limit", said)
        shown = f" ({used[1]})" if used else ""
        return "out of memory", f"Ray ended its process: the node ran low on memory{shown}"
    return "lost node", (said.strip().splitlines() or ["its process died"])[0]


def why_lost(error: BaseException) -> str | None:
    """Why a process that a call needed is gone; None where the error is another one."""
    if isinstance(error, ray.exceptions.RayTaskError):
        return None  # raised by what it called
    if not isinstance(error, ray.exceptions.RayError):
        return None
    return failure_of(str(error))[1]


@contextmanager
def memory_kills_are_failures() -> Iterator[None]:
    """Let Tune take an actor that Ray's memory monitor ended for one that died.

    The error is of a class that Tune does not know, and would end the whole study.
    """
    manager: Any = RayActorManager
    heard = manager._actor_task_failed

    def failed(self: Any, tracked_actor_task: Any, exception: Exception) -> None:
        if isinstance(exception, ray.exceptions.OutOfMemoryError):
            exception = ray.exceptions.RayActorError(error_msg=str(exception))
        heard(self, tracked_actor_task, exception)

    with patched(manager, _actor_task_failed=failed):
        yield
