"""A cluster of three hosts: `ray up` once for these tests, `ray down` in the last of them."""

from __future__ import annotations

import re
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from ipaddress import ip_address
from pathlib import Path

import pandas as pd
import pytest
import yaml

from tests.families.stream_family import write_rows
from tests.support import hosts
from tests.support.driver import trials_of
from tests.support.s3 import s3_on
from tests.support.three_hosts import TOKEN, Cluster, three_hosts, until

pytestmark = [pytest.mark.exhaustive, pytest.mark.timeout(400)]

APART = "/tmp/ray"  # a folder that each host has for itself, where all else is this machine's


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    with three_hosts() as made:
        yield made


def test_it_comes_up_and_opens_what_is_documented(cluster: Cluster) -> None:
    until(lambda: "3 of 3 answer" in cluster.doctor(), 120, cluster.doctor)
    assert "Ray does not run on the head yet" in cluster.doctor()

    said = cluster.come()
    assert " missing" not in said
    assert "ray dashboard" in said

    # Whoever has no token is refused, also on the head itself.
    question = "env -u RAY_AUTH_MODE -u RAY_AUTH_TOKEN_PATH RAY_AUTH_MODE=disabled ray status"
    assert "Unauthenticated" in cluster.ray("exec", question, code=None)

    for number in range(hosts.COUNT):
        check_sockets(hosts.listeners(number), head=number == 0)


def test_a_group_over_hosts_in_a_bucket(cluster: Cluster) -> None:
    """Two workers, one on each host, of a study in a bucket that the head alone can reach.

    They find each other though both hosts' names mean 127.0.1.1, and share no folder with the head.
    """
    tune, rows = of_groups(cluster)
    with s3_on(0) as settings:
        given = " ".join(f"{name}={value}" for name, value in settings.items())
        bucket = f"env TMPDIR={APART} {given} {tune} --out s3://lab/runs --name group"
        said = cluster.ray("exec", f"{bucket} --data {rows}")
        assert "node-hours" in said
        code = (
            "from distrib.api.places import fetched; "
            "print(fetched('s3://lab/runs/group', hold=False).folder.path)"
        )
        words = hosts.inside(0, "env", *given.split(), sys.executable, "-c", code)
        copied = subprocess.run(words, check=True, timeout=60, capture_output=True, text=True)
    copy = Path(copied.stdout.strip())
    (trial,) = trials_of(copy)
    assert (trial.state.name, trial.user_attrs.get("retries", 0)) == ("COMPLETE", 0), said
    folder = copy / "trials" / "0000"
    consoles = [(folder / f"console{rank}.log").read_text() for rank in ("", "-rank1")]
    found = [re.findall(r"of 2 on (\w+) over eth0 after epoch 0", text) for text in consoles]
    assert len({node for (node,) in found}) == 2, consoles
    assert list((folder / "checkpoint").glob("state-*"))
    assert (copy / "best" / "weights.safetensors").stat().st_size
    for number in range(hosts.COUNT):
        left = (cluster.folder / f"host{number + 1}" / "ray").glob("distrib-study-*")
        assert not list(left)


def test_what_only_the_head_has_is_refused_before_the_first_trial(cluster: Cluster) -> None:
    tune, rows = of_groups(cluster)
    began = time.monotonic()
    said = cluster.ray("exec", f"{tune} --data {rows} --out {APART}/runs", code=None)
    assert "--out: not every node sees the run folder" in said
    said = cluster.ray(
        "exec",
        f"cp -r {rows} {APART}/rows; {tune} --data {APART}/rows --out {APART}/runs",
        code=None,
    )
    assert f"{APART}/rows: no such file" in said
    assert "this machine has it; another node reads it" in said
    assert time.monotonic() - began < 90  # both; half a minute each, and as much for SSH


def test_a_study_outlives_a_host_and_the_doctor_tells_which(cluster: Cluster) -> None:
    place = cluster.folder / "shared" / "runs"
    study = (
        "python -m distrib.tune --space mlp --trials 6 --max-epochs 3 --address auto "
        f"--out {place} --name mine"
    )
    with ThreadPoolExecutor(1) as beside:
        running = beside.submit(cluster.ray, "exec", study)
        until((place / "mine" / "trials" / "0002").exists, 120)  # both workers are at work
        hosts.kill(cluster.folder, 2)
        said = running.result()
    assert "ray down" in said
    assert "node-hours" in said
    trials = pd.read_parquet(place / "mine" / "trials.parquet")
    assert len(trials) == 6
    assert set(trials["state"]) <= {"COMPLETE", "PRUNED"}, said

    lost = hosts.addresses()[-1]
    until(lambda: f"{lost} is missing: it does not answer" in cluster.doctor(), 90, cluster.doctor)


def test_it_goes_and_leaves_neither_processes_nor_secrets(cluster: Cluster) -> None:
    cluster.ray("down")
    # It stops Ray on the head; a worker's ends after a minute without one.
    until(lambda: not cluster.left(), 120, lambda: str(cluster.left()))
    cluster.ray("down", code=None)  # twice is no harm
    # No secret is in a run folder, nor in the logs of Ray on the hosts.
    secrets = (TOKEN.encode(), (cluster.folder / "key").read_bytes().splitlines()[1])
    logs = [
        cluster.folder / "shared",
        *cluster.folder.glob("host?/ray"),
        *cluster.folder.glob("host?.log"),
    ]
    files = [path for where in logs for path in (where, *where.rglob("*")) if path.is_file()]
    assert any(path.name == "raylet.out" for path in files)
    for path in files:
        content = path.read_bytes()
        assert not any(secret in content for secret in secrets), path


def of_groups(cluster: Cluster) -> tuple[str, Path]:
    """A command without its places, of a study of two workers a trial, and rows for it."""
    shared = cluster.folder / "shared"
    if not (shared / "rows").exists():
        (shared / "rows").mkdir()
        write_rows(shared / "rows", rows=200)
    space = {
        "trainable": "tests.families.placed_family:PlacedNet",
        "trials": 1,
        "parameters": {"epochs": 2, "hidden": 4, "learning_rate": 0.1},
    }
    (shared / "net.yaml").write_text(yaml.safe_dump(space))
    words = f"--space {shared}/net.yaml --allow-custom --address auto --test-fraction 0"
    return f"python -m distrib.tune {words} --workers-per-trial 2", shared / "rows"


def check_sockets(found: set[tuple[str, str, int]], head: bool) -> None:
    """Hold what listens on a host to the table in docs/ports.md."""
    fixed = {22, 52365} | ({6379, 8265, 10001, 44217, 44227} if head else set())
    for process, address, port in found:
        chosen = 10002 <= port <= 19999 or port >= 32768
        assert port in fixed or chosen, (process, address, port)
        if port in (8265, 6006):
            assert ip_address(address.strip("[]")).is_loopback or "127.0.0.1" in address, address
    assert {port for *_, port in found} >= ({22, 6379, 10001} if head else {22})
