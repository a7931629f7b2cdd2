"""A cluster of three hosts, brought up by `ray up` and taken down by `ray down`."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path

import pandas as pd
import pytest

from tests.support import hosts
from tests.support.tiers import may_start_ray

pytestmark = [pytest.mark.exhaustive, pytest.mark.timeout(400)]

RAY = ("gcs_server", "raylet", "ray::", "autoscaler")


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


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[Cluster]:
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
        token.write_text("0123456789abcdef" * 4)
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


def check_sockets(found: set[tuple[str, str, int]], head: bool) -> None:
    """Hold what listens on a host to the table in docs/ports.md."""
    fixed = {22, 52365} | ({6379, 8265, 10001, 44217, 44227} if head else set())
    for process, address, port in found:
        chosen = 10002 <= port <= 19999 or port >= 32768
        assert port in fixed or chosen, (process, address, port)
        if port in (8265, 6006):
            assert ip_address(address.strip("[]")).is_loopback or "127.0.0.1" in address, address
    assert {port for *_, port in found} >= ({22, 6379, 10001} if head else {22})


def test_a_cluster_comes_up_works_loses_a_host_and_goes(cluster: Cluster) -> None:
    said = cluster.say("distrib.doctor", str(cluster.file))
    assert "3 of 3 answer" in said
    assert "Ray does not run on the head yet" in said

    cluster.ray("up")
    end = time.monotonic() + 150
    while "3 nodes (2 workers)" not in (
        said := cluster.say("distrib.doctor", str(cluster.file), code=None)
    ):
        assert time.monotonic() < end, said
        time.sleep(5)
    assert " missing" not in said
    assert "ray dashboard" in said

    # Whoever has no token is refused, also on the head itself.
    question = "env -u RAY_AUTH_MODE -u RAY_AUTH_TOKEN_PATH RAY_AUTH_MODE=disabled ray status"
    assert "Unauthenticated" in cluster.ray("exec", question, code=None)

    for number in range(hosts.COUNT):
        check_sockets(hosts.listeners(number), head=number == 0)

    place = cluster.folder / "shared" / "runs"
    study = (
        "python -m distrib.tune --space mlp --trials 6 --max-epochs 3 --address auto "
        f"--out {place} --name mine"
    )
    with ThreadPoolExecutor(1) as beside:
        running = beside.submit(cluster.ray, "exec", study)
        end = time.monotonic() + 120
        while not (place / "mine" / "trials" / "0002").exists():  # both workers are at work
            assert not running.done(), running.result()
            assert time.monotonic() < end
            time.sleep(0.1)
        hosts.kill(cluster.folder, 2)
        said = running.result()
    assert "ray down" in said
    assert "node-hours" in said
    trials = pd.read_parquet(place / "mine" / "trials.parquet")
    assert len(trials) == 6
    assert set(trials["state"]) <= {"COMPLETE", "PRUNED"}, said

    lost = hosts.addresses()[-1]
    end = time.monotonic() + 90
    while f"{lost} is missing: it does not answer" not in (
        said := cluster.say("distrib.doctor", str(cluster.file), code=None)
    ):
        assert time.monotonic() < end, said
        time.sleep(2)

    cluster.ray("down")
    # It stops Ray on the head; a worker's ends after a minute without one.
    end = time.monotonic() + 120
    while (left := cluster.left()) and time.monotonic() < end:
        time.sleep(0.5)
    assert not left
    cluster.ray("down", code=None)  # twice is no harm
    token = "0123456789abcdef" * 4
    for path in (cluster.folder / "shared").rglob("*"):
        assert not path.is_file() or token.encode() not in path.read_bytes(), path
