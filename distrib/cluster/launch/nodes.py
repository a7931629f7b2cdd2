"""What each node of a running cluster is: `python -m distrib.cluster.launch.nodes` on its head."""

from __future__ import annotations

import json
import sys
import uuid
from pathlib import Path
from typing import Any

MARK = "distrib-nodes:"


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

    from distrib.cluster.connect import HEAD
    from distrib.cluster.shared import ask_nodes

    marker = Path(storage) / f".doctor-{uuid.uuid4().hex}" if storage.startswith("/") else None
    nodes = [node for node in ray.nodes() if node["Alive"]]
    try:
        if marker is not None:
            marker.parent.mkdir(parents=True, exist_ok=True)
            marker.touch()
        said, _ = ask_nodes(_look, str(marker) if marker else None, nodes=nodes)
    finally:
        if marker is not None:
            marker.unlink(missing_ok=True)
    return [
        {
            "address": node["NodeManagerAddress"],
            "cpus": node["Resources"].get("CPU", 0),
            "gpus": node["Resources"].get("GPU", 0),
            "head": HEAD in node["Resources"],
            **said.get(node["NodeID"], {}),
        }
        for node in nodes
    ]


def _look(marker: str | None) -> dict[str, Any]:
    from importlib.metadata import version

    from distrib.cluster.shared import versions

    return {
        "versions": {**versions(), "distrib": version("distrib")},
        "sees": marker is None or Path(marker).exists(),
    }


if __name__ == "__main__":
    raise SystemExit(main())
