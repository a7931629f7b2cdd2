"""What Ray's start does in its own way, changed while it starts.

All of it is private to Ray, and wants a look at each new version.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from distrib.cluster.patch import patched

LOOK = 0.02  # seconds between two looks whether the node is there
PATIENCE = 10.0  # seconds after which Ray's own look tells what is wrong


@contextmanager
def sooner_and_interruptible() -> Iterator[None]:
    """Ray finds its node when it is there, and leaves SIGTERM to us.

    It would look once a second whether its node has registered, which takes 0.2 s; and it would
    take SIGTERM for itself, and end the driver where it stands.
    """
    import ray
    from ray._private import services, utils

    get_node = services.get_node

    def get_node_soon(gcs_address: str, node_id: str) -> Any:
        state = ray._private.state.GlobalState()
        state._initialize_global_state(services._get_gcs_client_options(gcs_address))
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end:
            if any(node["NodeID"] == node_id for node in state.node_table()):
                break
            time.sleep(LOOK)
        return get_node(gcs_address, node_id)

    with (
        patched(services, get_node=get_node_soon),
        patched(utils, set_sigterm_handler=lambda handler: None),
    ):
        yield


@contextmanager
def with_few_processes(*, log_to_driver: bool) -> Iterator[None]:
    """Ray starts none that a study's own Ray has no use for, each a second of a core's time.

    These are the autoscaler of a machine that stays alone, a dashboard without its pages, and what
    brings the processes' output to a driver that does not show it.
    """
    from ray._private.node import Node

    unused: dict[str, Any] = {
        "start_monitor": lambda node: None,
        "start_api_server": lambda node, **options: None,
    }
    if not log_to_driver:
        unused["start_log_monitor"] = lambda node: None
    with patched(Node, **unused):
        yield
