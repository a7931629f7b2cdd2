"""Whether every node of a cluster sees a folder of the driver's."""

from __future__ import annotations

from pathlib import Path

import ray

from distrib.errors import InputError

PATIENCE = 20.0  # seconds for a node to look


def check_shared(folder: Path) -> None:
    """Look for `folder` on every node that can work.

    Raises:
        InputError: a node does not see it, and would write checkpoints that nobody finds.
    """
    nodes = [node for node in ray.nodes() if node["Alive"] and node["Resources"].get("CPU")]
    look = ray.remote(num_cpus=0)(_sees)
    looks = {
        look.options(label_selector={"ray.io/node-id": node["NodeID"]}).remote(
            str(folder.absolute())
        ): node["NodeManagerAddress"]
        for node in nodes
    }
    done, late = ray.wait(list(looks), num_returns=len(looks), timeout=PATIENCE)
    blind = [looks[task] for task in done if not ray.get(task)] + [looks[task] for task in late]
    if blind:
        raise InputError(
            "not every node sees the run folder",
            where="--out",
            found=f"no {folder} on {', '.join(sorted(blind))}",
            expected="a folder that all nodes share, such as one on NFS",
        )


def _sees(folder: str) -> bool:
    return Path(folder).is_dir()
