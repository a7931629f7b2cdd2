"""A cluster that runs, held against the file that started it."""

from __future__ import annotations

import json
import shlex
import socket
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

from distrib.cluster.check import Check
from distrib.cluster.launch.cluster_file import ClusterFile
from distrib.cluster.launch.hosts import Host, listed_hosts
from distrib.cluster.launch.nodes import MARK

PATIENCE = 60.0  # seconds: Ray starts on the head to ask every node


def nodes_of(file: ClusterFile) -> list[dict[str, Any]] | str:
    """What `nodes.living_nodes` says on the head of the running cluster; or why nothing is said."""
    if file.provider == "aws" and (reason := _no_head(file)):
        return reason
    storage = str(file.get("metadata", "storage", default=""))
    question = f"python -m distrib.cluster.launch.nodes {shlex.quote(storage)}"
    ray = Path(sys.executable).parent / "ray"
    words = [str(ray), "exec", str(file.path), question]
    try:
        asked = subprocess.run(
            words, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=PATIENCE
        )
    except subprocess.TimeoutExpired:
        return f"no answer within {PATIENCE:.0f} s"
    except OSError as error:
        return str(error).partition("\n")[0]
    for line in asked.stdout.splitlines():
        if MARK in line:
            return list(json.loads(line.partition(MARK)[2]))
    said = [line for line in (asked.stderr + asked.stdout).splitlines() if line.strip()]
    return said[-1].strip() if said else "no answer"


def _no_head(file: ClusterFile) -> str | None:
    """Why there is no head to be asked in the account; None where one runs.

    Asked before Ray is, whose `ray exec` would first make the cluster's role, key and security
    group there.
    """
    import boto3
    from botocore.config import Config
    from botocore.exceptions import BotoCoreError, ClientError

    name, region = str(file.get("cluster_name")), str(file.get("provider", "region"))
    wanted = {"tag:ray-cluster-name": name, "tag:ray-node-type": "head",
              "instance-state-name": "running"}  # fmt: skip
    limits = Config(connect_timeout=5, read_timeout=10, retries={"total_max_attempts": 1})
    try:
        session = boto3.session.Session(region_name=region)  # whose credentials are today's
        account = session.client("ec2", config=limits)
        found = account.describe_instances(
            Filters=[{"Name": key, "Values": [value]} for key, value in wanted.items()]
        )
    except (BotoCoreError, ClientError, ValueError) as error:
        return f"AWS says: {error}"
    if any(reservation["Instances"] for reservation in found["Reservations"]):
        return None
    return f"no head of a cluster {name!r} runs in {region}"


def running_checks(
    file: ClusterFile, nodes: list[dict[str, Any]], hosts: list[Host]
) -> Iterator[Check]:
    """Which hosts are missing and why, where versions differ, who does not see the storage.

    Args:
        hosts: of an on-premises cluster, what they said by SSH.
    """
    workers = [node for node in nodes if not node["head"]]
    cpus, gpus = sum(n["cpus"] for n in nodes), sum(n["gpus"] for n in nodes)
    found = f"{len(nodes)} nodes ({len(workers)} workers), {cpus:g} CPUs, {gpus:g} GPUs"
    least = wanted_workers(file)
    yield Check("cluster", f"{found}; the file wants {least} workers or more")
    if file.provider == "local":
        yield from _missing(file, nodes, hosts)
    elif len(workers) < least:
        yield Check("cluster", f"{least - len(workers)} workers are missing",
                    f"ray monitor {file.path} says why: quota, spot capacity, an image",
                    fault=True)  # fmt: skip
    for node in nodes:
        if "versions" not in node:
            yield Check(node["address"], "does not answer", restart(file), fault=True)
    yield from differing([n for n in nodes if "versions" in n])
    for node in nodes:
        if not node.get("sees", True):
            yield Check(node["address"], "does not see what the head writes to "
                        f"{file.get('metadata', 'storage')}", "mount the shared file system there",
                        fault=True)  # fmt: skip


def wanted_workers(file: ClusterFile) -> int:
    """How many workers there must be at least."""
    if file.provider == "local":
        listed = len(file.get("provider", "worker_ips", default=[]))
        return min(listed, file.get("min_workers", default=listed))
    types = file.get("available_node_types", default={})
    head = file.get("head_node_type")
    return sum(kind.get("min_workers", 0) for name, kind in types.items() if name != head)


def _missing(file: ClusterFile, nodes: list[dict[str, Any]], hosts: list[Host]) -> Iterator[Check]:
    there = {node["address"] for node in nodes}
    said = {host.name: host for host in hosts}
    for name, keys in listed_hosts(file):
        addresses = {name}
        with suppress(OSError):
            addresses.add(socket.gethostbyname(name))
        if addresses & there:
            continue
        host = said.get(name)
        if host is not None and host.failure is not None:
            why, mend = host.failure
        elif host is not None and "raylet" in host.said:
            why, mend = "Ray runs there, but did not join: another token, or version?", (
                f"{restart(file)} copies both anew")  # fmt: skip
        else:
            why, mend = "Ray does not run there", (
                f"ray monitor {file.path} tells more; {restart(file)} starts it")  # fmt: skip
        yield file.fault(keys, f"{name} is missing: {why}", mend)


def restart(file: ClusterFile) -> str:
    """The command that begins a running cluster again, and what it costs."""
    return f"ray up {file.path} (which ends what runs: --resume goes on with it)"


def differing(nodes: list[dict[str, Any]]) -> Iterator[Check]:
    """Nodes with other versions than the head's, or than most where it is not known."""
    heads = [node for node in nodes if node["head"]] or nodes[:1]
    for name in heads[0]["versions"] if heads else ():
        right = heads[0]["versions"][name]
        others = Counter(n["versions"][name] for n in nodes if n["versions"][name] != right)
        for other in others:
            which = ", ".join(n["address"] for n in nodes if n["versions"][name] == other)
            yield Check(which, f"{name} {other}, where the head has {right}",
                        "install what constraints.txt pins on both", fault=True)  # fmt: skip


def port_forwards(file: ClusterFile) -> list[str]:
    """Commands that bring Ray's dashboard and TensorBoard from the head to this machine."""
    place = file.get("metadata", "storage", default="runs")
    if file.kuberay:
        name = file.get("metadata", "name")
        return [f"kubectl port-forward service/{name}-head-svc 8265 6006"]
    board = f"tensorboard --logdir {shlex.quote(place)} --host 127.0.0.1 --port 6006"
    return [
        f"ray dashboard {file.path}                                     # http://127.0.0.1:8265",
        f"ray exec {file.path} --port-forward 6006 '{board}'            # http://127.0.0.1:6006",
    ]
