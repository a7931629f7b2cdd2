"""A Ray of our own as it starts: its processes, and what those have imported ahead."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

pytestmark = [pytest.mark.ray, pytest.mark.timeout(180)]

SCRIPT = """
import json, os, sys, time
from pathlib import Path
from distrib.cluster.connect import connected

def tree():
    import psutil
    return {process.pid for process in psutil.Process().children(recursive=True)}

def commands():
    found = {}
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            parent = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
            found[int(entry.name)] = parent, (entry / "cmdline").read_text()
        except OSError:
            continue
    ours = {os.getpid()}
    while more := {pid for pid, (parent, _) in found.items() if parent in ours} - ours:
        ours |= more
    return [found[pid][1] for pid in ours - {os.getpid()}]

class Look:
    def modules(self):
        import sys
        return list(sys.modules)

with connected(None, cpus=2, preload="distrib.study.worker.preload", framework="torch"):
    import ray
    look = ray.remote(Look).remote()
    end = time.monotonic() + 60
    while "torch" not in (modules := ray.get(look.modules.remote())) and time.monotonic() < end:
        time.sleep(0.1)
    from distrib.cluster.sockets import listeners
    sockets = [[one.process, one.open] for one in listeners() if one.pid in tree()]
    print(json.dumps([modules, commands(), sockets]))
"""


def test_nothing_useless_is_started_and_what_a_trial_needs_is_imported() -> None:
    """Nor does Ray make environments of its own accord, as under `uv run` or by a hook."""
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT],
        env={**os.environ, "RAY_RUNTIME_ENV_HOOK": "no.such_hook"},
        capture_output=True,
        text=True,
        timeout=150,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    modules, commands, sockets = json.loads(done.stdout.splitlines()[-1])
    assert {"distrib.study.worker.trial_actor", "distrib.study.worker.tasks", "torch"} <= set(
        modules
    )
    assert any("raylet" in command for command in commands)
    # Nobody but this machine reaches them.
    assert {process for process, _ in sockets} == {"raylet", "gcs_server", "ray::"}
    assert [process for process, is_open in sockets if is_open] == []
    for useless in (
        "monitor.py",
        "log_monitor",
        "dashboard/",
        "Agent",
        "agent.py",
        "agent/main.py",
    ):
        assert [command for command in commands if useless in command] == []
