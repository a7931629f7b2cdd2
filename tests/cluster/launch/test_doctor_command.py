"""Every bad input of a cluster's through the command: its line, the mend, exit code 2, and soon."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from distrib.cluster.launch import doctor
from distrib.doctor import main
from tests.support.cluster_files import filled_in, project
from tests.support.s3 import SETTINGS, make_bucket, s3_server, want_credentials

SSH = """#!/bin/bash
for word in "$@"; do case "$word" in *@*) host=${word#*@};; esac; done
case "$host" in
  worker-1) echo "distrib@worker-1: Permission denied (publickey)." >&2; exit 255;;
  worker-2) echo "ssh: connect to host worker-2: Connection timed out" >&2; exit 255;;
  *) echo python rsync storage raylet;;
esac
"""
LOCAL, AWS = "deploy/onprem.yaml", "cluster.yaml"
Doctor = Callable[[str, str, str], tuple[str, str]]


@pytest.fixture
def look(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Doctor:
    """Edits one of the files, and has the command look at it: what it says, and the text."""
    monkeypatch.chdir(project(tmp_path))
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "ssh").write_text(SSH)
    (tmp_path / "bin" / "ssh").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:{os.environ['PATH']}")
    monkeypatch.setattr(doctor, "DRIVERS", {})

    def look(name: str, old: str, new: str) -> tuple[str, str]:
        text = filled_in(name)
        assert old in text
        (tmp_path / "mine.yaml").write_text(text.replace(old, new))
        began = time.monotonic()
        assert main([str(tmp_path / "mine.yaml")]) == 2
        assert time.monotonic() - began < 30
        return capsys.readouterr().out, text.replace(old, new)

    return look


def node(address: str, **more: Any) -> dict[str, Any]:
    versions = {"python": "3.11.9", "ray": "2.60.0", "distrib": "0.1.0"}
    return {"address": address, "cpus": 4, "gpus": 0, "head": address == "mine", "sees": True,
            "versions": versions, **more}  # fmt: skip


@pytest.mark.parametrize(
    ("old", "new", "at", "problem", "mend"),
    [
        ("[worker-1, worker-2]", "[mine, ok]", "[mine", "the head mine is listed as a worker",
         "remove it"),
        ("[worker-1, worker-2]", "[ok, worker-2]", "worker-2", "it does not answer", "is it on"),
        ("[worker-1, worker-2]", "[worker-1, ok]", "worker-1", "it refuses this user and key",
         "ssh-copy-id"),
        ("  storage: /shared/runs", "  x: 1", "metadata:", "no shared storage is named", "s3://"),
        ("cluster_name: distrib\n", "cluster_name: distrib\nmax_workers: 7\n", "max_workers: 7",
         "max_workers: 7, where 2 workers are listed", "list more in worker_ips"),
        ("--dashboard-host=127.0.0.1", "--dashboard-host=0.0.0.0", "- >-",
         "the dashboard is public", "port-forward"),
    ],
)  # fmt: skip
def test_on_premises(
    look: Doctor, monkeypatch: pytest.MonkeyPatch,
    old: str, new: str, at: str, problem: str, mend: str,
) -> None:  # fmt: skip
    monkeypatch.setattr(doctor, "nodes_of", lambda file: [node("mine"), node("ok")])
    said, text = look(LOCAL, old, new)
    (line,) = [line for line in said.splitlines() if problem in line]
    number = re.match(r"line (\d+) ", line)
    assert number is not None
    assert at in text.splitlines()[int(number[1]) - 1]
    assert mend in said.split(problem, 1)[1].splitlines()[1]


@pytest.mark.parametrize("name", ["python", "ray", "distrib"])
def test_versions_that_differ(look: Doctor, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    other = {**node("")["versions"], name: "0.0.1"}
    nodes = [node("mine"), node("ok"), node("b", versions=other)]
    monkeypatch.setattr(doctor, "nodes_of", lambda file: nodes)
    said, _ = look(LOCAL, "[worker-1, worker-2]", "[ok, b]")
    assert re.search(rf"^b +{name} 0.0.1, where the head has", said, re.MULTILINE)
    assert "install what constraints.txt pins on both" in said


@pytest.mark.parametrize(
    ("trouble", "problem"),
    [
        ("no bucket", "there is no such bucket"),
        ("no permission", "credentials|permission"),
        ("no region", "no region"),
    ],
)
def test_a_bucket(
    look: Doctor, monkeypatch: pytest.MonkeyPatch, trouble: str, problem: str
) -> None:
    monkeypatch.setattr(doctor, "nodes_of", lambda file: "nothing runs")
    with s3_server() as endpoint:
        for key, value in {**SETTINGS, "AWS_ENDPOINT_URL": endpoint}.items():
            monkeypatch.setenv(key, value)
        if trouble != "no bucket":
            make_bucket(endpoint, "mine")
        if trouble == "no permission":
            want_credentials(endpoint, 0)
        old, new = ("  region: us-west-2 ", "  # ") if trouble == "no region" else ("mine", "mine")
        try:
            said, text = look(AWS, old, new)
        finally:
            want_credentials(endpoint, -1)
    found = re.search(rf"line (\d+) .*({problem})", said)
    assert found is not None, said
    at = "provider:" if trouble == "no region" else "storage: s3://mine"
    assert at in text.splitlines()[int(found[1]) - 1]
