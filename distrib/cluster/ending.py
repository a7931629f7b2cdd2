"""The end of a Ray of one's own: nothing that came of it goes on."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import psutil


def shut_down(*, own: bool) -> None:
    """End a Ray of one's own with all its processes, or leave a cluster.

    Ray tells its processes to end and goes. One that tears itself down just then may wait for ever
    for a lock that is gone already (Ray 2.60, once in some fifty studies of groups), and nobody is
    left to end it.
    """
    import psutil
    import ray

    started = _started() if own else []
    try:
        ray.shutdown()
    finally:
        for process in started:
            with suppress(psutil.NoSuchProcess):  # its number may be another one's by now
                process.kill()


def _started() -> list[psutil.Process]:
    """What the raylet of this driver's own Ray has started, and what came of that."""
    import psutil
    from ray._private import ray_constants, worker

    found: list[psutil.Process] = []
    node = worker._global_node
    for raylet in node.all_processes.get(ray_constants.PROCESS_TYPE_RAYLET, ()) if node else ():
        with suppress(psutil.NoSuchProcess):
            found += psutil.Process(raylet.process.pid).children(recursive=True)
    return found
