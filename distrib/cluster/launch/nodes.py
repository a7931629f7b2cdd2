"""What each node of a running cluster is: `python -m distrib.cluster.launch.nodes` on its head."""

from __future__ import annotations

import json
import sys
import uuid
from pathlib import Path
from typing import Any

MARK = "distrib-nodes:"
PATIENCE = 20.0  # seconds for the answers of all nodes


def main() -> int:
    """Print one line of JSON: a list with a mapping per living node.

    The words after the command name the storage, where it is a path.
    """
    from distrib.cluster.connect import connected

    storage = sys.argv[1] if len(sys.argv) > 1 else ""
    with connected("auto"):
        print(MARK + json.dumps(living_nodes(storage)))
    return 0


def living_nodes(storage: str = "") -> list[dict[str, Any]]:
    """Address, CPUs, GPUs, versions, and whether it sees what this node wrote to the storage.

    A node that did not answer in time has no versions.
    """
    import ray
    from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy as On

    marker = Path(storage) / f".doctor-{uuid.uuid4().hex}" if storage.startswith("/") else None
    nodes = [node for node in ray.nodes() if node["Alive"]]
    look = ray.remote(num_cpus=0)(_look)
    try:
        if marker is not None:
            marker.parent.mkdir(parents=True, exist_ok=True)
            marker.touch()
        asked = {
            look.options(scheduling_strategy=On(node["NodeID"], soft=False)).remote(
                str(marker) if marker else None
            ): node
            for node in nodes
        }
        done, _ = ray.wait(list(asked), num_returns=len(asked), timeout=PATIENCE)
        said = {asked[reference]["NodeID"]: ray.get(reference) for reference in done}
    finally:
        if marker is not None:
            marker.unlink(missing_ok=True)
    return [
        {
            "address": node["NodeManagerAddress"],
            "cpus": node["Resources"].get("CPU", 0),
            "gpus": node["Resources"].get("GPU", 0),
            "head": "node:__internal_head__" in node["Resources"],
            **said.get(node["NodeID"], {}),
        }
        for node in nodes
    ]


def _look(marker: str | None) -> dict[str, Any]:
    import os
    import platform
    from importlib.metadata import version

    names = ("ray", "torch", "numpy", "distrib")
    return {
        "versions": {"python": platform.python_version(), **{n: version(n) for n in names}},
        "sees": marker is None or os.path.exists(marker),  # noqa: PTH110
    }


if __name__ == "__main__":
    raise SystemExit(main())
