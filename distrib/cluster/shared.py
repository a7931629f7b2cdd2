"""What the nodes of a cluster must have in common, asked on each of them.

The folder of a study, the files that its workers read while they train, and the versions of what
they compute with: a study is refused before its first trial, not by trials that fail after hours.
"""

from __future__ import annotations

import platform
from collections.abc import Callable, Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import ray
from ray.exceptions import NodeDiedError, WorkerCrashedError

from distrib.errors import InputError

PATIENCE = 20.0  # seconds for the answers of all nodes
PACKAGES = ("ray", "torch", "numpy", "pyarrow")  # what results, or their files, depend on


def working_nodes() -> list[dict[str, Any]]:
    """Nodes that live and may run a trial."""
    return [node for node in ray.nodes() if node["Alive"] and node["Resources"].get("CPU")]


def ask_nodes(
    question: Callable[..., Any], *arguments: Any, nodes: Sequence[dict[str, Any]]
) -> tuple[dict[str, Any], list[str]]:
    """Call a function on each of these nodes, beside all that runs there.

    Returns:
        Node id -> what it returned; and the ids of the nodes that did not answer in time.
    """
    ask = ray.remote(num_cpus=0)(question)
    asked = {
        ask.options(label_selector={"ray.io/node-id": node["NodeID"]}).remote(*arguments): node[
            "NodeID"
        ]
        for node in nodes
    }
    if not asked:
        return {}, []
    done, late = ray.wait(list(asked), num_returns=len(asked), timeout=PATIENCE)
    answers: dict[str, Any] = {}
    for task in done:
        try:
            answers[asked[task]] = ray.get(task)
        except (NodeDiedError, WorkerCrashedError):  # it is going just now
            late.append(task)
    return answers, [asked[task] for task in late]


def check_shared(folder: Path) -> None:
    """Look for `folder` on every node that can work.

    Raises:
        InputError: a node does not see it, and would write checkpoints that nobody finds.
    """
    nodes = working_nodes()
    seen, late = ask_nodes(_sees, str(folder.absolute()), nodes=nodes)
    blind = [node for node, answer in seen.items() if not answer] + late
    if blind:
        raise InputError(
            "not every node sees the run folder",
            where="--out",
            found=f"no {folder} on {_addresses(nodes, blind)}",
            expected="a folder that all nodes share, such as one on NFS, or a URL such as "
            "s3://bucket/runs",
        )


def check_data(data: Any) -> None:
    """Look on every node that can work for files that are read while a model trains.

    Args:
        data: a reference to them; see `capabilities.ReadLater`.

    Raises:
        InputError: a node does not find them.
    """
    nodes = working_nodes()
    found, late = ask_nodes(_lacks, data, nodes=nodes)
    lacking = {node: said for node, said in found.items() if said is not None}
    lacking |= dict.fromkeys(late, f"no answer within {PATIENCE:.0f} s")
    if lacking:
        raise InputError(
            "not every node reaches the data",
            where="--data",
            found=f"on {_addresses(nodes, lacking)}: {next(iter(lacking.values()))}",
            expected="files on a file system that all nodes mount, or at a URL",
        )


def check_versions() -> None:
    """Compare what the nodes compute with, with what this driver has.

    Raises:
        InputError: a node has another version, and would compute something else, or fail.
    """
    here, nodes = versions(), working_nodes()
    found, _ = ask_nodes(versions, nodes=nodes)
    for name, right in here.items():
        others = {node: said[name] for node, said in found.items() if said[name] != right}
        if others:
            raise InputError(
                "the nodes of this cluster differ",
                where="--address",
                found=f"{name} {', '.join(sorted(set(others.values())))} on "
                f"{_addresses(nodes, others)}",
                expected=f"{name} {right}, as the driver has it",
                hint="install what constraints.txt pins on every node: `ray up` does so anew, and "
                "python -m distrib.doctor cluster.yaml looks at all of them",
            )


def versions() -> dict[str, str]:
    """Python and the packages of this process; "none" where one is missing."""
    found = {"python": platform.python_version()}
    for name in PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = "none"
    return found


def _addresses(nodes: Sequence[dict[str, Any]], ids: Any) -> str:
    return ", ".join(sorted(node["NodeManagerAddress"] for node in nodes if node["NodeID"] in ids))


def _sees(folder: str) -> bool:
    return Path(folder).is_dir()


def _lacks(data: Any) -> str | None:
    try:
        data.check_here()
    except InputError as error:
        return "; ".join(line.strip() for line in str(error).splitlines())
    return None
