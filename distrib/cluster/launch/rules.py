"""What is wrong in a file of `ray up`, each with its line and the way to mend it."""

from __future__ import annotations

import re
import socket
from collections.abc import Iterator
from pathlib import Path

from distrib.cluster.check import Check
from distrib.cluster.launch.cluster_file import CLOUDS, PLACEHOLDER, ClusterFile, ray_schema
from distrib.cluster.secret_files import others_may_read, private
from distrib.errors import nearest

TOKEN_MODE = "RAY_AUTH_MODE=token"
TOKEN_FILE = "auth_token"
NO_AUTOSCALER_V2 = "RAY_enable_autoscaler_v2=0"
MAKE_TOKEN = (
    'mkdir -pm 700 ~/.ray-cluster; (umask 077; python -c "import secrets; '
    "print(secrets.token_hex(32), end='')\" > ~/.ray-cluster/auth_token)"
)
STARTS = ("head_start_ray_commands", "worker_start_ray_commands")
SETUPS = ("initialization_commands", "setup_commands", "head_setup_commands",
          "worker_setup_commands")  # fmt: skip
_PIP = re.compile(r"\bpip3?\"?\s+install\b")
_PINNED = re.compile(r"(^|\s)(-c|--constraint|-r|--requirement)\b")
_SOURCED = re.compile(r"(?:source|\.)\s+(\S+\.sh)")


def launcher_checks(file: ClusterFile) -> Iterator[Check]:
    """Everything that the file alone tells, and the files of this machine that it names."""
    yield from schema_errors(file)
    yield from placeholders(file)
    yield from _hosts(file)
    yield from _node_types(file)
    yield from _start_commands(file)
    yield from _token(file)
    yield from _packages(file)
    yield from _network(file)
    yield from _storage(file)
    yield from _idle(file)


def schema_errors(file: ClusterFile) -> Iterator[Check]:
    """What Ray itself would refuse, by its own schema."""
    from jsonschema import Draft7Validator  # type: ignore[import-untyped]

    for error in Draft7Validator(ray_schema()).iter_errors(file.content):
        keys = tuple(error.absolute_path)
        known = list(error.schema.get("properties", ())) if isinstance(error.schema, dict) else []
        extra = [k for k in error.instance if k not in known] if known and isinstance(
            error.instance, dict) and error.validator == "additionalProperties" else []  # fmt: skip
        if extra:
            for key in extra:
                hint = nearest(str(key), known) or f"one of: {', '.join(sorted(known))}"
                yield file.fault((*keys, str(key)), f"Ray knows no {key!r} here", hint)
        else:
            place = ".".join(map(str, keys)) or "the file"
            yield file.fault(keys, f"{place}: {error.message}", "see the examples in deploy/")


def placeholders(file: ClusterFile) -> Iterator[Check]:
    """Values of an example that are the reader's to give."""
    for keys, value in file.values():
        if isinstance(value, str) and PLACEHOLDER in value:
            name = ".".join(map(str, keys))
            yield file.fault(keys, f"{name} is still that of the example", "write your own")


def _hosts(file: ClusterFile) -> Iterator[Check]:
    if file.provider != "local" or file.get("provider", "coordinator_address"):
        return
    place = ("provider", "worker_ips")
    head, workers = file.get("provider", "head_ip"), file.get(*place)
    if not isinstance(head, str) or not isinstance(workers, list):
        yield file.fault(("provider",), "no head_ip, or no worker_ips",
                         "head_ip: HOST and worker_ips: [HOST, ...]")  # fmt: skip
        return
    for index, worker in enumerate(workers):
        if _address(worker) == _address(head):
            yield file.fault((*place, index), f"the head {head} is listed as a worker, too",
                             "remove it here: Ray would start twice on one machine")  # fmt: skip
        elif worker in workers[:index]:
            yield file.fault((*place, index), f"{worker} is listed twice", "remove one")
    for key in ("min_workers", "max_workers"):
        wanted = file.get(key)
        if isinstance(wanted, int) and wanted > len(workers):
            yield file.fault((key,), f"{key}: {wanted}, where {len(workers)} workers are listed",
                             f"list more in worker_ips, or {key}: {len(workers)}")  # fmt: skip


def _address(host: object) -> object:
    """By which one machine of two names is known; a name that nobody knows is itself."""
    try:
        return socket.gethostbyname(str(host))
    except (OSError, UnicodeError):
        return host


def _node_types(file: ClusterFile) -> Iterator[Check]:
    types = file.get("available_node_types", default={})
    head = file.get("head_node_type")
    if not types and file.provider in CLOUDS:
        yield file.fault(("available_node_types",), "no node types", "see cluster.yaml")
    if types and head not in types:
        named = ", ".join(map(str, types))
        yield file.fault(("head_node_type",), f"head_node_type is {head!r}", f"one of: {named}")
    if _spot(file, str(head)):
        place = ("available_node_types", str(head), "node_config")
        yield file.fault(place, "the head runs at spot prices: with it the cluster is gone",
                         "take the spot lines out of the head's type")  # fmt: skip
    most = file.get("max_workers", default=2)
    for name, kind in types.items():
        if not isinstance(kind, dict) or not isinstance(most, int):
            continue
        least, upper = kind.get("min_workers", 0), kind.get("max_workers", most)
        keys = ("available_node_types", str(name), "min_workers")
        if isinstance(least, int) and isinstance(upper, int) and least > min(upper, most):
            yield file.fault(keys, f"min_workers: {least} is more than max_workers allows",
                             f"at most {min(upper, most)}")  # fmt: skip
    workers = [k for k in types if k != head]
    if workers and not any(file.get("available_node_types", k, "min_workers") for k in workers):
        first = ("available_node_types", str(workers[0]))
        yield file.advice(first, "no worker runs to begin with: a study would find no room",
                          "min_workers: 1 (or as many as one trial takes)")  # fmt: skip
    if file.provider in CLOUDS and not file.get("provider", "region"):
        yield file.fault(("provider",), "no region", "region: such as us-west-2")
    region, zones = str(file.get("provider", "region")), file.get("provider", "availability_zone")
    if file.provider in CLOUDS and file.get("provider", "region") and zones:
        elsewhere = [z for z in map(str.strip, str(zones).split(",")) if not z.startswith(region)]
        if elsewhere:
            yield file.fault(("provider", "availability_zone"), f"{elsewhere[0]} is no zone of "
                             f"{region}", f"{region}a, or without this line all zones")  # fmt: skip


def _spot(file: ClusterFile, node_type: str) -> bool:
    keys = ("available_node_types", node_type, "node_config")
    market = file.get(*keys, "InstanceMarketOptions", "MarketType")
    scheduling = file.get(*keys, "scheduling", default=[])
    listed = scheduling if isinstance(scheduling, list) else [scheduling]
    gcp = any(isinstance(s, dict) and (s.get("preemptible") or s.get("provisioningModel") == "SPOT")
              for s in listed)  # fmt: skip
    return market == "spot" or gcp


def said_by(file: ClusterFile, command: str) -> str:
    """A command, with the text of the files of this machine that it sources on the nodes."""
    text = command
    mounts = file.get("file_mounts", default={})
    for sourced in _SOURCED.findall(command):
        for remote, local in mounts.items():
            below = sourced.removeprefix(f"{remote}".rstrip("/")).lstrip("/")
            source = Path(str(local)).expanduser()
            source = source if sourced == remote else source / below
            if sourced.startswith(str(remote)) and source.is_file():
                text = f"{source.read_text()}\n{text}"
    return text


def _start_commands(file: ClusterFile) -> Iterator[Check]:
    for section in STARTS:
        starts = [(k, c) for k, c in file.commands(section) if re.search(r"\bray start\b", c)]
        if not starts:
            yield file.fault((section,), f"{section}: no `ray start` that requires the token",
                             "take those of deploy/: Ray's own start without one")  # fmt: skip
        for keys, command in starts:
            said = said_by(file, command)
            if TOKEN_MODE not in said:
                yield file.fault(keys, "this `ray start` requires no token: whoever reaches the "
                                 "port can run code", "put before it: source "
                                 "~/distrib/deploy/node/environment.sh &&")  # fmt: skip
            if "--head" in command:
                yield from _head_start(file, keys, command, said)


def _head_start(
    file: ClusterFile, keys: tuple[str | int, ...], command: str, said: str
) -> Iterator[Check]:
    host = re.search(r"--dashboard-host[= ](\S+)", command)
    if host and host.group(1) not in ("127.0.0.1", "localhost", "::1"):
        yield file.fault(keys, f"the dashboard is public: it listens on {host.group(1)}",
                         "--dashboard-host=127.0.0.1, and look at it by port-forward")  # fmt: skip
    if "--autoscaling-config" not in command:
        yield file.fault(keys, "the head starts no worker: no --autoscaling-config",
                         "--autoscaling-config=~/ray_bootstrap_config.yaml")  # fmt: skip
    if file.provider == "local" and NO_AUTOSCALER_V2 not in said:
        yield file.fault(keys, "Ray's autoscaler v2 never brings the last worker in on-premises",
                         f"export {NO_AUTOSCALER_V2} before `ray start --head`")  # fmt: skip
    head = str(file.get("head_node_type"))
    if "--num-cpus=0" not in command and file.get("available_node_types", head, "resources",
                                                  "CPU") != 0:  # fmt: skip
        yield file.advice(keys, "trials run on the head, beside the drivers",
                          "--num-cpus=0 keeps it for drivers")  # fmt: skip


def _token(file: ClusterFile) -> Iterator[Check]:
    for remote, local in file.get("file_mounts", default={}).items():
        source = Path(str(local)).expanduser()
        keys = ("file_mounts", str(remote))
        if source.name == TOKEN_FILE:
            yield file.advice(keys, "the token is mounted as a file, of which Ray warns",
                              "mount the folder around it")  # fmt: skip
            source = source.parent
        elif not (source / TOKEN_FILE).exists():
            if ".ray" in source.name:
                yield file.fault(keys, f"there is no token at {source / TOKEN_FILE}", MAKE_TOKEN)
                return
            if not source.exists():
                yield file.fault(keys, f"there is no {local} here to copy to the nodes",
                                 "run this in the project's folder")  # fmt: skip
            continue
        token = source / TOKEN_FILE
        if not token.is_file():
            yield file.fault(keys, f"there is no token at {token}", MAKE_TOKEN)
        elif others_may_read(token):
            yield file.fault(keys, f"others may read the token at {token}", private(token))
        elif len(token.read_text().strip()) < 32:
            yield file.fault(keys, f"the token at {token} is too short", MAKE_TOKEN)
        return
    yield file.fault(("file_mounts",), "no folder with the token is copied to the nodes",
                     f"~/.ray-cluster: ~/.ray-cluster, with the file {TOKEN_FILE}")  # fmt: skip


def _packages(file: ClusterFile) -> Iterator[Check]:
    for section in SETUPS:
        for keys, command in file.commands(section):
            if _PIP.search(command) and not _PINNED.search(command):
                yield file.fault(keys, "packages without versions: nodes may come to differ",
                                 "pip install -c ~/distrib/constraints.txt ...")  # fmt: skip


def _network(file: ClusterFile) -> Iterator[Check]:
    place = ("provider", "security_group", "IpPermissions")
    for index, rule in enumerate(file.get(*place, default=[])):
        ranges = [*rule.get("IpRanges", ()), *rule.get("Ipv6Ranges", ())]
        addresses = [r.get("CidrIp", r.get("CidrIpv6")) for r in ranges]
        if not {"0.0.0.0/0", "::/0"} & set(addresses):
            continue
        ports = f"{rule.get('FromPort', 'all')} to {rule.get('ToPort', 'all')}"
        if (rule.get("FromPort"), rule.get("ToPort")) == (22, 22):
            yield file.advice((*place, index), "SSH is open to the world", "your network's range")
        else:
            yield file.fault((*place, index), f"ports {ports} are open to the world",
                             "remove the rule: port-forward by SSH instead")  # fmt: skip
    for key in ("docker",):
        options = str(file.get(key, "run_options", default=""))
        if re.search(r"(-p|--publish)\b", options):
            yield file.fault((key, "run_options"), "the container publishes ports",
                             "remove it: port-forward by SSH instead")  # fmt: skip


def _storage(file: ClusterFile) -> Iterator[Check]:
    storage = file.get("metadata", "storage")
    if not storage:
        yield file.fault(("metadata",), "no shared storage is named: a study on several nodes "
                         "needs one", "metadata: {storage: s3://BUCKET/runs}, or the path of a "
                         "file system that all nodes mount")  # fmt: skip
    elif "://" not in str(storage) and not str(storage).startswith("/"):
        yield file.fault(("metadata", "storage"), f"{storage} is no place that nodes could share",
                         "a URL, or an absolute path")  # fmt: skip
    elif "://" not in str(storage) and file.provider in CLOUDS:
        commands = [c for section in SETUPS for _, c in file.commands(section)]
        if not any("mount" in c and str(storage).split("/")[1] in c for c in commands):
            yield file.fault(("metadata", "storage"), f"no command mounts {storage} on the nodes",
                             "mount it in setup_commands, or name a bucket")  # fmt: skip


def _idle(file: ClusterFile) -> Iterator[Check]:
    if file.get("idle_timeout_minutes") is None:
        yield file.fault(("cluster_name",), "no idle_timeout_minutes: Ray decides how long an idle "
                         "worker stays", "idle_timeout_minutes: 10")  # fmt: skip
    elif file.provider in CLOUDS and file.get("idle_timeout_minutes") > 120:
        yield file.advice(("idle_timeout_minutes",), "idle machines cost for hours",
                          "idle_timeout_minutes: 10")  # fmt: skip
