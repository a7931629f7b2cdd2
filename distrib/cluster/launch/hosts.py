"""The hosts of an on-premises cluster, asked by SSH: does each answer, and has it what it needs?"""

from __future__ import annotations

import json
import os
import shlex
import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from distrib.cluster.check import Check
from distrib.cluster.launch.cluster_file import ClusterFile
from distrib.cluster.secret_files import others_may_read, private
from distrib.safe_yaml import Keys

CONNECT = 8  # seconds for a connection
PATIENCE = 20.0  # seconds for an answer
_PYTHON = 'PATH="${DISTRIB_VENV:-$HOME/distrib-venv}/bin:$PATH"; '

REASONS = (
    ("Permission denied", "it refuses this user and key",
     "auth: {ssh_user, ssh_private_key}; ssh-copy-id puts the key there"),
    ("Could not resolve", "nobody knows this name", "an address, or a name in /etc/hosts"),
    ("Connection refused", "it runs no SSH server", "start sshd there"),
    ("timed out", "it does not answer", "is it on, and in this network?"),
    ("No route", "it does not answer", "is it on, and in this network?"),
)  # fmt: skip


@dataclass(frozen=True)
class Host:
    """What one host said.

    Attributes:
        name: as the file has it. keys: where it stands there.
        failure: why it cannot be asked, and how to mend that; None where it answered.
        said: the words of its answer, of `python`, `rsync`, `storage`, `raylet`, `code`.
    """

    name: str
    keys: Keys
    failure: tuple[str, str] | None
    said: frozenset[str]


def listed_hosts(file: ClusterFile) -> list[tuple[str, Keys]]:
    """The head and the workers, in the file's order."""
    workers = file.get("provider", "worker_ips", default=[])
    head = (str(file.get("provider", "head_ip")), ("provider", "head_ip"))
    return [head, *((str(w), ("provider", "worker_ips", n)) for n, w in enumerate(workers))]


def ask_hosts(file: ClusterFile) -> list[Host]:
    """Ask all at once; at most `PATIENCE` seconds."""
    hosts = listed_hosts(file)
    with ThreadPoolExecutor(min(32, len(hosts))) as pool:
        return list(pool.map(lambda host: _ask(file, *host), hosts))


def ssh_words(file: ClusterFile, host: str) -> list[str]:
    """The command that opens a shell there, without questions."""
    words = ["ssh", "-o", "BatchMode=yes", "-o", f"ConnectTimeout={CONNECT}",
             "-o", "LogLevel=ERROR", "-o", "StrictHostKeyChecking=no",  # as Ray calls it
             "-o", "UserKnownHostsFile=/dev/null"]  # fmt: skip
    key = file.get("auth", "ssh_private_key")
    if key:
        words += ["-i", str(Path(key).expanduser()), "-o", "IdentitiesOnly=yes"]
    proxy = file.get("auth", "ssh_proxy_command")
    if proxy:
        words += ["-o", f"ProxyCommand={proxy}"]
    user = file.get("auth", "ssh_user")
    return [*words, f"{user}@{host}" if user else host]


def _ask(file: ClusterFile, host: str, keys: Keys) -> Host:
    storage = str(file.get("metadata", "storage", default=""))
    question = _PYTHON + (
        "command -v python3.11 >/dev/null && echo python;"
        "command -v rsync >/dev/null && echo rsync;"
        "pgrep -x raylet >/dev/null && echo raylet;"
        "test -e ~/distrib/deploy/node/environment.sh && echo code;"
    )
    if storage.startswith("/"):
        question += f"mkdir -p {shlex.quote(storage)} 2>/dev/null;"
        question += f"test -w {shlex.quote(storage)} && echo storage;"
    words = [*ssh_words(file, host), "bash", "-c", shlex.quote(question + " true")]
    try:
        asked = subprocess.run(
            words, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=PATIENCE
        )
    except subprocess.TimeoutExpired:
        return Host(host, keys, ("it does not answer", "is it on, and in this network?"),
                    frozenset())  # fmt: skip
    except FileNotFoundError:
        return Host(host, keys, ("there is no ssh on this machine", "install openssh-client"),
                    frozenset())  # fmt: skip
    if asked.returncode == 255:
        for word, reason, mend in REASONS:
            if word in asked.stderr:
                return Host(host, keys, (reason, mend), frozenset())
        last = (asked.stderr.strip().splitlines() or ["ssh failed"])[-1]
        return Host(host, keys, (last, "try ssh yourself"), frozenset())
    return Host(host, keys, None, frozenset(asked.stdout.split()))


def key_checks(file: ClusterFile) -> Iterator[Check]:
    """Whether the private key that the file names can be used."""
    name = file.get("auth", "ssh_private_key")
    if not name or file.kuberay:
        return
    keys, path = ("auth", "ssh_private_key"), Path(str(name)).expanduser()
    if not path.is_file():
        yield file.fault(keys, f"there is no key at {name}", f"ssh-keygen -t ed25519 -f {path}")
    elif others_may_read(path):
        yield file.fault(keys, f"others may read the key {name}: ssh refuses it",
                         private(path))  # fmt: skip


def unreachable(file: ClusterFile, hosts: list[Host]) -> Iterator[Check]:
    """Hosts that gave no answer, and why, on the lines that name them."""
    for host in hosts:
        if host.failure is not None:
            reason, mend = host.failure
            yield file.fault(host.keys, f"{host.name}: {reason}", mend)


def without_programs(file: ClusterFile, hosts: list[Host]) -> Iterator[Check]:
    """Hosts that answered and lack what a node needs."""
    for host in answering(hosts):
        for word, package in (("python", "python3.11 with venv"), ("rsync", "rsync")):
            if word not in host.said:
                yield file.fault(host.keys, f"{host.name} has no {word}", f"install {package}")


def without_storage(file: ClusterFile, hosts: list[Host]) -> Iterator[Check]:
    """Hosts that answered and cannot write where the studies are to lie."""
    storage = str(file.get("metadata", "storage", default=""))
    for host in answering(hosts):
        if storage.startswith("/") and "storage" not in host.said:
            yield file.fault(host.keys, f"{host.name} cannot write to {storage}",
                             "mount the shared file system there")  # fmt: skip


def held_for_set_up(file: ClusterFile, hosts: list[Host]) -> Iterator[Check]:
    """A head that is a new machine under its old address, which `ray up` would not set up.

    What Ray has set up it keeps in a file of its own, where `ray up` was called.
    """
    head = hosts[0]
    place = os.environ.get("RAY_TMPDIR") or os.environ.get("TMPDIR") or "/tmp"
    state = Path(place, "ray", f"cluster-{file.get('cluster_name')}.state")
    if head.failure is None and "code" not in head.said and _is_up_to_date(state, head.name):
        yield file.fault(head.keys, f"{head.name} has nothing of this cluster, and `ray up` holds "
                         "it for set up", f"rm {shlex.quote(str(state))}, then ray up")  # fmt: skip


def _is_up_to_date(state: Path, host: str) -> bool:
    """Whether Ray has written down that this host is set up."""
    try:
        known = json.loads(state.read_text())
        return bool(known[host]["tags"]["ray-node-status"] == "up-to-date")
    except (OSError, ValueError, KeyError, TypeError):
        return False


def answering(hosts: list[Host]) -> list[Host]:
    """Those that gave an answer."""
    return [host for host in hosts if host.failure is None]
