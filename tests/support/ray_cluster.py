"""A Ray cluster that somebody else started, in another folder and without this project's paths."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from distrib.cluster.environment import THREADS
from tests.support.tiers import may_start_ray

PATIENCE = 120.0  # seconds


@contextmanager
def ray_cluster(cpus: int = 2, gpus: int = 0, workers: int = 0) -> Iterator[tuple[str, Path]]:
    """A head with these resources, GPUs by name only; gives its address and its own folder.

    It asks for no token; a driver that other tests may have given one says RAY_AUTH_MODE=disabled.

    Args:
        workers: nodes of one CPU that Ray's autoscaler may start, here; its file then lies in the
            folder, as `ray up` would leave it in the home of the head.
    """
    may_start_ray()
    # A path of Ray's sockets has little room.
    folder = Path(tempfile.mkdtemp(prefix="c", dir="/tmp"))
    port, *others = free_ports(3)
    words = [
        *("--head", f"--port={port}", f"--temp-dir={folder / 'ray'}", f"--num-gpus={gpus}"),
        *("--object-store-memory=200000000", "--include-dashboard=false"),
        *(f"--dashboard-agent-listen-port={others[0]}", f"--ray-client-server-port={others[1]}"),
    ]
    more: dict[str, str] = {}
    if workers:
        file = folder / "ray_bootstrap_config.yaml"
        file.write_text(json.dumps(_autoscaled(f"127.0.0.1:{port}", folder, workers)))
        words.append(f"--autoscaling-config={file}")
        more = {"RAY_FAKE_CLUSTER": "1", "AUTOSCALER_UPDATE_INTERVAL_S": "1",
                "RAY_enable_autoscaler_v2": "0"}  # fmt: skip
        more["PYTHONPATH"] = str(Path(__file__).parents[2])  # of the autoscaler's nodes
        more["RAY_OVERRIDE_NODE_ID_FOR_TESTING"] = "f" * 51 + "00000"
    try:
        with _started(folder, cpus, words, more=more):
            yield f"127.0.0.1:{port}", folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def ray_node(address: str, folder: Path, cpus: int, ip: str = "127.0.0.1") -> Iterator[None]:
    """Another node of a cluster; killed at the end, as a machine is that is taken away.

    Args:
        ip: of the loopback; with one of its own, such as 127.0.0.2, it counts as a machine apart.
    """
    # A folder of its own, as hosts have it: in one that is shared, the agent of a node that comes
    # replaces the shipped code under the feet of the others' processes.
    own = tempfile.mkdtemp(prefix="n", dir=folder)
    words = [f"--address={address}", "--num-gpus=0", "--object-store-memory=100000000"]
    words.append(f"--temp-dir={own}")
    with _started(folder, cpus, words, ip):
        yield


@contextmanager
def _started(
    folder: Path,
    cpus: int,
    words: list[str],
    ip: str = "127.0.0.1",
    more: Mapping[str, str] = {},
) -> Iterator[None]:
    """`ray start` in the foreground, once it runs; whatever is left of it is killed at the end."""
    mark = f"RAY_CLUSTER_MARK={uuid.uuid4().hex}"
    name, _, value = mark.partition("=")
    log = folder / f"log-{value}"
    with log.open("wb") as out:
        node = subprocess.Popen(
            [
                *(sys.executable, "-m", "ray.scripts.scripts", "start", "--block"),
                *(f"--node-ip-address={ip}", f"--num-cpus={cpus}", "--disable-usage-stats"),
                *words,
            ],
            cwd=folder,
            env={**foreign_environment(), "RAY_AUTH_MODE": "disabled", name: value, **more},
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        end = time.monotonic() + PATIENCE
        while "Ray runtime started" not in log.read_text(errors="replace"):
            assert node.poll() is None, log.read_text(errors="replace")
            assert time.monotonic() < end, log.read_text(errors="replace")
            time.sleep(0.1)
        yield
    finally:
        # An end in order can take half a minute, and there is nothing to be kept.
        while pids := _marked(mark):
            for pid in pids:
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            time.sleep(0.05)
        node.wait()


def _autoscaled(head: str, folder: Path, workers: int) -> dict[str, object]:
    """A file of Ray's autoscaler whose machines are raylets of this one."""
    lists = ("initialization_commands", "setup_commands", "head_setup_commands",
             "worker_setup_commands", "head_start_ray_commands", "worker_start_ray_commands",
             "cluster_synced_files", "rsync_exclude", "rsync_filter")  # fmt: skip
    return {
        "cluster_name": "fake",
        "max_workers": workers,
        "upscaling_speed": 1.0,
        "idle_timeout_minutes": 5,
        "provider": {
            "type": "external",
            "module": "tests.support.apart_nodes.ApartNodes",
            "folder": str(folder),
            "gcs_address": head,
            "use_node_id_as_ip": True,
            "disable_node_updaters": True,
            "disable_launch_config_check": True,
        },
        "available_node_types": {
            "ray.head.default": {"resources": {"CPU": 0}, "node_config": {}, "max_workers": 0},
            "worker": {
                "resources": {"CPU": 1, "object_store_memory": 100_000_000},
                "node_config": {},
                "min_workers": 1,
                "max_workers": workers,
            },
        },
        "head_node_type": "ray.head.default",
        "auth": {},
        "docker": {},
        "file_mounts": {},
        "file_mounts_sync_continuously": False,
        **{name: [] for name in lists},
    }


def process_of(folder: Path, name: str) -> int:
    """The id of the head's process of such a name, such as `raylet/raylet`."""
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            program, *words = (entry / "cmdline").read_text().split("\0")
            if program.endswith(name) and any(str(folder / "ray") in word for word in words):
                found.append(int(entry.name))
    (pid,) = found
    return pid


def ray_says(code: str, address: str, *, whole: bool = False) -> str:
    """The last word, or the whole, of what a small script prints that is connected to a cluster."""
    done = subprocess.run(
        [sys.executable, "-c", f"import ray; ray.init({address!r}, log_to_driver=False)\n{code}"],
        check=True,
        timeout=60,
        env={**foreign_environment(), "RAY_AUTH_MODE": "disabled"},
        capture_output=True,
        text=True,
    )
    return done.stdout if whole else done.stdout.split()[-1]


LEFT = """
import time
def left():
    groups = ray.util.placement_group_table().values()
    actors = ray._private.state.actors().values()
    found = ["group" for g in groups if g["state"] != "REMOVED"]
    found += [a["ActorClassName"] for a in actors if a["State"] != "DEAD"]
    free = ray.available_resources().get("CPU") == ray.cluster_resources()["CPU"]
    return ",".join(found if free else [*found, "CPUs"]) or "nothing"
end = time.monotonic() + 45
while left() != expected and time.monotonic() < end:
    time.sleep(0.5)
print(left())
"""


def left_on(address: str, expected: str = "nothing") -> str:
    """What studies have left on a cluster: groups, actors and whether CPUs are taken; or "nothing".

    Args:
        expected: what is waited for; Ray frees some things a while after their driver has ended.
    """
    return ray_says(f"expected = {expected!r}\n{LEFT}", address)


def foreign_environment() -> dict[str, str]:
    """The environment without what this project, or Ray here, has put there."""
    ours = ("RAY_", "TUNE_", "XLA_", "PYTHONPATH", *THREADS)
    return {k: v for k, v in os.environ.items() if not k.startswith(ours)}


def free_ports(count: int) -> list[int]:
    """Ports that nobody listens on."""
    with ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in sockets]


def _marked(mark: str) -> list[int]:
    """The processes with this mark in their environment."""
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            if mark.encode() in (entry / "environ").read_bytes().split(b"\0"):
                found.append(int(entry.name))
        except OSError:
            continue
    return found
