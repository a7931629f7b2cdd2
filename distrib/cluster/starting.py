"""What Ray's start does in its own way, changed while it starts."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

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

    get_node, set_sigterm_handler = services.get_node, utils.set_sigterm_handler

    def get_node_soon(gcs_address: str, node_id: str) -> Any:
        state = ray._private.state.GlobalState()
        state._initialize_global_state(services._get_gcs_client_options(gcs_address))
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end:
            if any(node["NodeID"] == node_id for node in state.node_table()):
                break
            time.sleep(LOOK)
        return get_node(gcs_address, node_id)

    services.get_node, utils.set_sigterm_handler = get_node_soon, lambda handler: None
    try:
        yield
    finally:
        services.get_node, utils.set_sigterm_handler = get_node, set_sigterm_handler
