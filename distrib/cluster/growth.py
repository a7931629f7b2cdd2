"""What a cluster may grow to: the nodes that its autoscaler may start, as far as that is known.

Ray tells nobody. But `ray up` leaves the file that it started the cluster with on the head, where
drivers run, with the resources of each type of machine filled in as the cloud has them.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from distrib.safe_yaml import read_yaml_file

FILE = Path("~/ray_bootstrap_config.yaml")
KUBERAY = "RAY_USAGE_STATS_KUBERAY_IN_USE"  # in the environment of KubeRay's pods


@dataclass(frozen=True)
class Growth:
    """The workers that a cluster may come to have.

    Attributes:
        nodes: resources of each, as many as its type allows. most: of all types together.
        unknown: whether there may be more, of which nothing is known here.
    """

    nodes: tuple[dict[str, float], ...] = ()
    most: int = 0
    unknown: bool = False


def known_growth(file: Path = FILE) -> Growth:
    """What this machine knows, being the head of a cluster; of types without resources nothing."""
    if KUBERAY in os.environ:
        return Growth(unknown=True)
    path = file.expanduser()
    if not path.is_file():
        return Growth()
    content: dict[str, Any] = read_yaml_file(path)
    most = int(content.get("max_workers", 2))  # Ray's own default
    nodes = []
    for name, kind in content.get("available_node_types", {}).items():
        if name == content.get("head_node_type") or not kind.get("resources"):
            continue
        resources = {key: float(value) for key, value in kind["resources"].items()}
        nodes += [resources] * min(most, int(kind.get("max_workers", most)))
    return Growth(tuple(nodes), most)
