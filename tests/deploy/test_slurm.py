"""The script for Slurm, with stand-ins for what a cluster has."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

SCRIPT = Path(__file__).resolve().parents[2] / "deploy" / "slurm.sbatch"

STANDINS = {
    "scontrol": """
echo "scontrol $*" >> "$LOG"
if [ "$1" = show ]; then echo one; echo two; fi
""",
    "srun": """
while [[ "$1" == --* ]]; do [[ "$1" == --nodelist=* ]] && node=${1#*=}; shift; done
echo "srun on $node: $*" >> "$LOG"
exec "$@"
""",
    "hostname": "echo 10.0.0.1",
    "ray": """
if [ "$1" = status ]; then echo " 1 node_a"; echo " 1 node_b"; exit; fi
echo "token ${RAY_AUTH_MODE} $(stat -c %a "$RAY_AUTH_TOKEN_PATH")" >> "$LOG"
exec sleep 60
""",
    "python": """
if [ "$1" = -c ]; then exec "$REAL" "$@"; fi
exec "$REAL" "$DRIVER" "$@"
""",
}
DRIVER = """
import os, pathlib, signal, sys, time
log = open(os.environ["LOG"], "a")
print("driver", *sys.argv[1:], file=log, flush=True)
name = pathlib.Path("runs/mine")
name.mkdir(parents=True, exist_ok=True)
(name / "study.yaml").write_text("")
def stop(*_):
    print("driver told to stop", file=log, flush=True)
    time.sleep(0.2)
    sys.exit(130)
signal.signal(signal.SIGINT, stop)
print("driver ready", file=log, flush=True)
time.sleep(float(os.environ["SECONDS_OF_WORK"]))
sys.exit(int(os.environ.get("CODE", 0)))
"""


class Cluster:
    """Slurm with two nodes, on this machine."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.log = folder, folder / "log"
        (folder / "bin").mkdir()
        for name, text in STANDINS.items():
            (folder / "bin" / name).write_text("#!/bin/bash\n" + text)
            (folder / "bin" / name).chmod(0o755)
        (folder / "driver.py").write_text(DRIVER)

    def sbatch(self, *words: str, work: float = 0.1, code: int = 0) -> subprocess.Popen[str]:
        environment = {
            "PATH": f"{self.folder / 'bin'}:{os.environ['PATH']}",
            "LOG": str(self.log),
            "REAL": sys.executable,
            "DRIVER": str(self.folder / "driver.py"),
            "SECONDS_OF_WORK": str(work),
            "CODE": str(code),
            "SLURM_JOB_ID": "17",
            "SLURM_JOB_NODELIST": "one,two",
            "SLURM_CPUS_PER_TASK": "3",
            "DISTRIB_WAIT": "0.1",
        }
        with (self.folder / "out").open("a") as out:
            return subprocess.Popen(
                ["bash", str(SCRIPT), *words],
                cwd=self.folder,
                env=environment,
                text=True,
                stdout=out,
                stderr=subprocess.STDOUT,
            )

    def said(self) -> list[str]:
        return self.log.read_text().splitlines() if self.log.exists() else []

    def wait_for(self, line: str) -> None:
        end = time.monotonic() + 30
        while not any(line in said for said in self.said()):
            assert time.monotonic() < end, self.said()
            time.sleep(0.05)


@pytest.fixture
def cluster(tmp_path: Path) -> Cluster:
    return Cluster(tmp_path)


def test_ray_starts_on_every_node_and_the_study_finds_it(cluster: Cluster) -> None:
    job = cluster.sbatch("mine", "--space", "segmenter")
    assert job.wait(60) == 0
    said = cluster.said()
    port = 20017
    assert any(
        f"srun on one: ray start --head --node-ip-address=10.0.0.1 --port={port}" in s for s in said
    )
    assert any(f"srun on two: ray start --address=10.0.0.1:{port}" in s for s in said)
    assert all("--num-cpus=3" in s for s in said if "ray start" in s)
    assert [s for s in said if s.startswith("token")] == ["token token 600"] * 2
    words = "--name mine --out runs --space segmenter"
    assert f"driver -m distrib.tune {words} --address 10.0.0.1:{port}" in said
    assert not any("requeue" in s for s in said)
    assert not list(cluster.folder.glob("runs/.ray-token*"))


def test_at_the_end_of_its_time_it_stops_in_order_and_goes_on(cluster: Cluster) -> None:
    job = cluster.sbatch("mine", "--space", "segmenter", work=60)
    cluster.wait_for("driver ready")
    job.send_signal(signal.SIGUSR1)
    assert job.wait(60) == 0
    assert "driver told to stop" in cluster.said()
    assert "scontrol requeue 17" in cluster.said()
    cluster.log.unlink()
    assert cluster.sbatch("mine", "--space", "segmenter").wait(60) == 0
    assert any("distrib.tune --resume runs/mine --address" in s for s in cluster.said())


def test_a_failure_is_the_job_s_and_is_not_repeated(cluster: Cluster) -> None:
    assert cluster.sbatch("mine", "--space", "segmenter", code=3).wait(60) == 3
    assert not any("requeue" in s for s in cluster.said())


def test_it_says_how_it_is_called(cluster: Cluster) -> None:
    assert cluster.sbatch("mine").wait(30) == 2
    assert "usage" in (cluster.folder / "out").read_text()
