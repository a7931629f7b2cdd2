"""What this machine has, and what a study on it would stumble over."""

from __future__ import annotations

import math
import os
import platform
import shutil
import socket
import tempfile
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path

from distrib.cluster.check import Check
from distrib.cluster.gpus import gpu_checks, nvidia_gpus
from distrib.cluster.network import default_route, interfaces, network
from distrib.cluster.sockets import check_listeners, listeners

GIB = 2**30
PORTS = {6379: "Ray's head", 8265: "Ray's dashboard", 10001: "Ray's client", 6006: "TensorBoard"}
PACKAGES = ("ray", "optuna", "torch", "jax", "numpy", "pandas", "pyarrow", "tensorboard")
EXTRAS = {"olga": "the default data of mlp and trimming: pip install 'distrib[olga]'"}


def checks(out: Path, *, cluster: bool = False) -> Iterator[Check]:
    """Every check, the quick ones first.

    Args:
        out: where studies will be kept. cluster: whether they will run on several nodes.
    """
    yield Check(
        "python", f"{platform.python_version()} on {platform.system()} {os.uname().machine}"
    )
    yield from _packages()
    yield Check("CPUs", f"{usable_cpus()} usable of {os.cpu_count()}")
    gpus = nvidia_gpus()
    yield from gpu_checks(gpus)
    yield _memory()
    yield shared_memory(shutil.disk_usage("/dev/shm").free, memory()[0])
    yield from _disks(out)
    yield from _ports()
    yield check_listeners(listeners())
    spread = cluster or len(gpus) > 1
    yield from network(interfaces(), default_route(), os.environ, spread=spread)


def usable_cpus() -> int:
    """CPUs of this machine that this process may use."""
    here = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return int(here or 1)


def _packages() -> Iterator[Check]:
    for package in PACKAGES:
        try:
            yield Check(package, metadata.version(package))
        except metadata.PackageNotFoundError:
            yield Check(package, "missing", "install again: pip install -c constraints.txt -e .",
                        fault=True)  # fmt: skip
    for package, advice in EXTRAS.items():
        try:
            yield Check(package, metadata.version(package))
        except metadata.PackageNotFoundError:
            yield Check(package, "missing (optional)", advice)


def _memory() -> Check:
    free, total = memory()
    advice = "less than 2 GiB are free: trials may be killed" if free < 2 * GIB else None
    return Check("memory", f"{free / GIB:.1f} GiB free of {total / GIB:.1f}", advice)


def memory() -> tuple[int, int]:
    """Free and whole memory in bytes; a control group's limit counts where there is one."""
    fields = dict(line.split(":", 1) for line in Path("/proc/meminfo").read_text().splitlines())
    free = int(fields["MemAvailable"].split()[0]) * 1024
    total = int(fields["MemTotal"].split()[0]) * 1024
    limit = Path("/sys/fs/cgroup/memory.max")
    if limit.is_file() and (text := limit.read_text().strip()).isdigit():
        used = int(Path("/sys/fs/cgroup/memory.current").read_text())
        return min(free, int(text) - used), min(total, int(text))
    return free, total


STORE = 0.3  # of the free memory, which Ray takes for its object store
LARGE = 10 * 10**9  # bytes; a larger store is cut to what /dev/shm has


def shared_memory(free: int, available: int) -> Check:
    """Whether the data of a study, which its trials share, find room in memory.

    Args:
        free: bytes in /dev/shm. available: bytes of memory.
    """
    wanted = min(int(STORE * available), LARGE)
    found = f"{free / GIB:.1f} GiB free in /dev/shm, {wanted / GIB:.1f} wanted"
    if free >= wanted:
        return Check("shared memory", found)
    return Check(
        "shared memory",
        found,
        "Ray would keep the data of studies on disk, which is slow: give a container more "
        f"(docker run --shm-size={math.ceil(1.1 * wanted / GIB)}g), or clear /dev/shm",
    )


def _disks(out: Path) -> Iterator[Check]:
    here = out.absolute()
    while not here.exists():
        here = here.parent
    for name, place in (("disk for runs", here), ("disk for Ray", Path(tempfile.gettempdir()))):
        usage = shutil.disk_usage(place)
        full = usage.free < 0.05 * usage.total or usage.free < 2 * GIB
        advice = "almost full: Ray stops at 95%" if full else None
        closed = not os.access(place, os.W_OK)
        if closed:
            advice = "not writable: choose another place with --out"
        yield Check(name, f"{usage.free / GIB:.1f} GiB free at {place}", advice, fault=closed)


def _ports() -> Iterator[Check]:
    busy = [f"{port} ({use})" for port, use in PORTS.items() if _listens(port)]
    found = ", ".join(busy) + " in use" if busy else "the usual ones are free"
    # A study's own Ray takes free ports, so a busy one is no fault.
    yield Check("ports", found)


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(0.2)
        return probe.connect_ex(("127.0.0.1", port)) == 0
