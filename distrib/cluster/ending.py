"""The end of a Ray of one's own: nothing that came of it goes on."""

from __future__ import annotations

from contextlib import suppress

from distrib.cluster.ray_internals.start import started


def shut_down(*, own: bool) -> None:
    """End a Ray of one's own with all its processes, or leave a cluster.

    Ray tells its processes to end and goes. One that tears itself down just then may wait for ever
    for a lock that is gone already (Ray 2.60, once in some fifty studies of groups), and nobody is
    left to end it.
    """
    import psutil
    import ray

    left = started() if own else []
    try:
        ray.shutdown()
    finally:
        for process in left:
            with suppress(psutil.NoSuchProcess):  # its number may be another one's by now
                process.kill()
