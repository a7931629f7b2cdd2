"""A cluster that runs, held against its file; hosts that do not answer, told with their line."""

from __future__ import annotations

import json
import os
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest

from distrib.cluster.launch import doctor
from distrib.cluster.launch.cluster_file import read_cluster_file
from distrib.cluster.launch.hosts import (
    Host,
    ask_hosts,
    held_for_set_up,
    listed_hosts,
    unreachable,
    without_programs,
    without_storage,
)
from distrib.cluster.launch.running import nodes_of, port_forwards, running_checks
from tests.support.cluster_files import edited, filled_in, project

SSH = """#!/bin/bash
for word in "$@"; do case "$word" in *@*) host=${word#*@};; esac; done
case "$host" in
  mine) echo python rsync storage raylet;;
  worker-1) echo "distrib@worker-1: Permission denied (publickey)." >&2; exit 255;;
  worker-2) echo "ssh: connect to host worker-2: Connection timed out" >&2; exit 255;;
  bare) exit 0;;
esac
"""
VERSIONS = {"python": "3.11.9", "ray": "2.60.0"}


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(project(tmp_path))
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "ssh").write_text(SSH)
    (tmp_path / "bin" / "ssh").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:{os.environ['PATH']}")
    return tmp_path


def node(address: str, head: bool = False, **more: Any) -> dict[str, Any]:
    return {"address": address, "cpus": 4, "gpus": 1, "head": head, "versions": VERSIONS,
            "sees": True, **more}  # fmt: skip


def test_hosts_that_cannot_be_used_are_named_with_the_reason(here: Path) -> None:
    file = edited(here, "deploy/onprem.yaml", "worker-2]", "worker-2, bare]")
    began = time.monotonic()
    hosts = ask_hosts(file)
    assert time.monotonic() - began < 30
    kinds = (unreachable, without_programs, without_storage)
    found = [(c.name, c.found, c.advice) for kind in kinds for c in kind(file, hosts)]
    line = f"line {file.line('provider', 'worker_ips')}"
    assert found == [
        (line, "worker-1: it refuses this user and key",
         "auth: {ssh_user, ssh_private_key}; ssh-copy-id puts the key there"),
        (line, "worker-2: it does not answer", "is it on, and in this network?"),
        (line, "bare has no python", "install python3.11 with venv"),
        (line, "bare has no rsync", "install rsync"),
        (line, "bare cannot write to /shared/runs", "mount the shared file system there"),
    ]  # fmt: skip


def test_a_new_head_that_ray_holds_for_set_up_is_told(
    here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RAY_TMPDIR", str(here))
    file = edited(here, "deploy/onprem.yaml", "worker-2]", "worker-3]")
    (head, _), *_ = listed_hosts(file)
    state = here / "ray" / f"cluster-{file.get('cluster_name')}.state"
    new, old = (Host(head, ("provider", "head_ip"), None, frozenset(said))
                for said in (["python"], ["python", "code"]))  # fmt: skip
    assert list(held_for_set_up(file, [new])) == []  # never set up from here
    state.parent.mkdir()
    tags = {"ray-node-status": "up-to-date", "ray-node-type": "head"}
    state.write_text(json.dumps({head: {"state": "running", "tags": tags}}))
    (told,) = held_for_set_up(file, [new])
    assert told.fault
    assert f"rm {state}" == told.advice.partition(",")[0]
    assert list(held_for_set_up(file, [old])) == []


def test_a_name_that_nobody_knows_by_the_real_ssh(here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:  # fmt: skip
    path = [p for p in os.environ["PATH"].split(":") if not p.startswith(str(here))]
    monkeypatch.setenv("PATH", ":".join(path))
    if subprocess.run(["which", "ssh"], capture_output=True, timeout=10).returncode:
        pytest.skip("no ssh here")
    file = edited(here, "deploy/onprem.yaml", "head_ip: mine", "head_ip: mine.invalid")
    hosts = ask_hosts(file)
    assert hosts[0].failure is not None
    assert hosts[0].failure[0] == "nobody knows this name"


def test_a_missing_host_is_named_with_the_reason(here: Path) -> None:
    file = edited(here, "deploy/onprem.yaml", "worker-2]", "10.9.9.9]")
    nodes = [node("mine", head=True), node("10.9.9.9")]
    count, missing = running_checks(file, nodes, ask_hosts(file))
    assert count.found == ("2 nodes (1 workers), 8 CPUs, 2 GPUs; the file wants 2 workers or more")
    assert missing.fault
    assert missing.found == "worker-1 is missing: it refuses this user and key"


def test_versions_storage_and_silence(here: Path) -> None:
    path = here / "aws.yaml"
    path.write_text(filled_in("cluster.yaml"))
    file = read_cluster_file(path)
    other = {**VERSIONS, "ray": "2.59.0"}
    silent = {k: v for k, v in node("10.0.0.4").items() if k not in ("versions", "sees")}
    nodes = [node("10.0.0.1", head=True), node("10.0.0.2", versions=other),
             node("10.0.0.3", sees=False), silent]  # fmt: skip
    found = {(c.name, c.found) for c in running_checks(file, nodes, []) if c.fault}
    assert found == {
        ("10.0.0.2", "ray 2.59.0, where the head has 2.60.0"),
        ("10.0.0.3", "does not see what the head writes to s3://mine/runs"),
        ("10.0.0.4", "does not answer"),
    }
    found = {c.found for c in running_checks(file, nodes[:1], []) if c.fault}
    assert found == {"1 workers are missing"}


def test_the_doctor_goes_from_the_file_to_the_hosts_to_the_cluster(
    here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[Path] = []
    nodes = [node("mine", head=True), node("worker-1"), node("worker-2")]
    monkeypatch.setattr(doctor, "nodes_of", lambda file: asked.append(file.path) or nodes)
    file = edited(here, "deploy/onprem.yaml", "[worker-1, worker-2]", "[mine2]")
    (here / "bin" / "ssh").write_text("#!/bin/bash\necho python rsync storage\n")
    checks = list(doctor.cluster_checks(file))
    assert checks[-1].found == "Ray does not run on the head yet"
    assert not asked
    (here / "bin" / "ssh").write_text("#!/bin/bash\necho python rsync storage raylet\n")
    checks = list(doctor.cluster_checks(file))
    assert asked
    assert "3 nodes" in checks[2].found


def test_ray_that_knows_no_head_is_told(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ray = here / "bin" / "ray"
    ray.write_text("#!/bin/bash\necho 'Head node of cluster (distrib) not found!' >&2; exit 1\n")
    ray.chmod(0o755)
    monkeypatch.setattr("sys.executable", str(here / "bin" / "python"))
    file = edited(here, "deploy/onprem.yaml", "mine", "mine")
    assert nodes_of(file) == "Head node of cluster (distrib) not found!"
    ray.write_text("#!/bin/bash\necho noise; echo 'distrib-nodes:[{\"head\": true}]'\n")
    assert nodes_of(file) == [{"head": True}]


def test_the_lines_that_bring_the_dashboards_here(here: Path) -> None:
    file = edited(here, "deploy/onprem.yaml", "mine", "mine")
    dashboard, board = port_forwards(file)
    assert dashboard.startswith(f"ray dashboard {file.path} ")
    assert "--port-forward 6006" in board
    assert "tensorboard --logdir /shared/runs --host 127.0.0.1" in board
