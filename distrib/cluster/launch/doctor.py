"""What the doctor says of a file that starts a cluster, and of the cluster once it runs."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator

from distrib.cluster.check import Check
from distrib.cluster.launch.cluster_file import CLOUDS, ClusterFile
from distrib.cluster.launch.hosts import (
    Host,
    answering,
    ask_hosts,
    held_for_set_up,
    key_checks,
    unreachable,
    without_programs,
    without_storage,
)
from distrib.cluster.launch.kuberay_rules import kuberay_checks
from distrib.cluster.launch.rules import launcher_checks
from distrib.cluster.launch.running import nodes_of, running_checks

DRIVERS = {"aws": ("boto3", "pip install -c constraints.txt -e '.[aws]'"),
           "gcp": ("googleapiclient", "pip install google-api-python-client")}  # fmt: skip


def cluster_checks(file: ClusterFile) -> Iterator[Check]:
    """The file, then its hosts, then the cluster; the later only where the earlier is whole."""
    seen: set[tuple[str, str]] = set()
    faults = False
    for check in _of_file(file):
        if (check.name, check.found) in seen:  # what an anchor repeats
            continue
        seen.add((check.name, check.found))
        faults |= check.fault
        yield check
    if faults or file.kuberay:
        return
    yield Check("file", f"{file.path} is right, as far as it tells")
    hosts: list[Host] = []
    if file.provider == "local":
        hosts = ask_hosts(file)
        yield Check("hosts", f"{len(answering(hosts))} of {len(hosts)} answer")
        yield from without_programs(file, hosts)
        if "raylet" not in hosts[0].said:  # the head's; else its nodes tell the rest
            yield from unreachable(file, hosts)
            yield from without_storage(file, hosts)
            yield from held_for_set_up(file, hosts)
            yield Check("cluster", "Ray does not run on the head yet", f"ray up {file.path}")
            return
    nodes = nodes_of(file)
    if isinstance(nodes, str):
        yield Check("cluster", f"it does not run, or its head does not answer: {nodes}",
                    f"ray up {file.path}")  # fmt: skip
        return
    yield from running_checks(file, nodes, hosts)


def _of_file(file: ClusterFile) -> Iterator[Check]:
    if file.kuberay:
        yield from kuberay_checks(file)
        return
    yield from launcher_checks(file)
    yield from key_checks(file)
    module, command = DRIVERS.get(file.provider, ("", ""))
    if file.provider in CLOUDS and module and importlib.util.find_spec(module) is None:
        yield file.fault(("provider", "type"), f"Ray needs {module} for it here", command)
