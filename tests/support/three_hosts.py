"""Three hosts, deploy/onprem.yaml filled in for them, and the commands of the user's machine."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.support import hosts
from tests.support.tiers import may_start_ray

RAY = ("gcs_server", "raylet", "ray::", "autoscaler")
TOKEN = "0123456789abcdef" * 4


@dataclass
class Cluster:
    """The file, and commands of the user's machine."""

    folder: Path
    file: Path

    def say(self, *words: str, code: int | None = 0, limit: float = 240) -> str:
        """The output of `python -m` a command, its errors included."""
        asked = subprocess.run(
            [sys.executable, "-m", *words],
            cwd=hosts.ROOT,
            env={**os.environ, "RAY_TMPDIR": str(self.folder / "t"), "COLUMNS": "200"},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=limit,
        )
        assert code in (None, asked.returncode), asked.stdout
        return asked.stdout

    def ray(self, verb: str, *words: str, **more: float) -> str:
        options = {"up": ("-y", "--no-config-cache"), "down": ("-y",)}.get(verb, ())
        return self.say("ray.scripts.scripts", verb, *options, str(self.file), *words, **more)

    def left(self) -> list[int]:
        return [p for n in range(hosts.COUNT) for word in RAY for p in hosts.processes(n, word)]

    def doctor(self) -> str:
        """What it says of the file, the hosts and the cluster, whatever that is."""
        return self.say("distrib.doctor", str(self.file), code=None)

    def come(self) -> str:
        """`ray up`, until all three are nodes; what the doctor says of them then."""
        self.ray("up")
        end = time.monotonic() + 150
        while "3 nodes (2 workers)" not in (said := self.doctor()):
            assert time.monotonic() < end, said
            time.sleep(3)
        return said


def until(
    there: Callable[[], object], limit: float, why: Callable[[], str] = str, pause: float = 0.2
) -> None:
    """Wait for something, at most so many seconds; `why` says what was there instead."""
    end = time.monotonic() + limit
    while not there():
        assert time.monotonic() < end, why()
        time.sleep(pause)


@contextmanager
def three_hosts() -> Iterator[Cluster]:
    """The hosts, and the file of this project filled in for them; the test is skipped where no
    hosts can be made.
    """
    reason = hosts.why_not()
    if reason is not None:
        pytest.skip(reason)
    may_start_ray()
    folder = Path(f"/tmp/dh{os.getpid()}")  # a path of Ray's sockets has little room
    try:
        hosts.up(folder)
        (folder / "t").mkdir()
        (folder / "token").mkdir(mode=0o700)
        token = folder / "token" / "auth_token"
        token.write_text(TOKEN)
        token.chmod(0o600)
        head, *workers = hosts.addresses()
        text = (hosts.ROOT / "deploy" / "onprem.yaml").read_text()
        for old, new in {
            "head_ip: CHANGE-ME ": f"head_ip: {head} ",
            "[CHANGE-ME-1, CHANGE-ME-2]": f"[{', '.join(workers)}]",
            "ssh_user: distrib": "ssh_user: root",
            "~/.ssh/id_ed25519": str(folder / "key"),
            "storage: /shared/runs": f"storage: {folder}/shared/runs",
            "~/.ray-cluster: ~/.ray-cluster": f"~/.ray-cluster: {folder}/token",
            # Three hosts on two cores.
            "--num-cpus=0": "--num-cpus=0 --object-store-memory=100000000",
            "RAY_HEAD_IP:6379": "RAY_HEAD_IP:6379 --num-cpus=1 --object-store-memory=100000000",
        }.items():
            assert old in text, old
            text = text.replace(old, new)
        file = folder / "onprem.yaml"
        file.write_text(text)
        yield Cluster(folder, file)
    finally:
        hosts.down(folder)
