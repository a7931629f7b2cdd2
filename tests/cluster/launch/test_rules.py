"""The cluster files are right, and every mistake is told with its line and its mend."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

from distrib.cluster.launch import doctor
from distrib.cluster.launch.cluster_file import read_cluster_file
from distrib.errors import InputError
from tests.support.cluster_files import FILES, ROOT, edited, faults, filled_in, project

MARK = re.compile(r"# \(([123])\)")
LAUNCHED = [name for name in FILES if "kuberay" not in name]


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project and a home of a user's; no host and no cloud is asked."""
    monkeypatch.chdir(project(tmp_path))
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setattr(doctor, "ask_hosts", lambda file: pytest.fail("faults are told first"))
    monkeypatch.setattr(doctor, "nodes_of", lambda file: "nothing runs")
    monkeypatch.setattr(doctor, "DRIVERS", {})
    return tmp_path


@pytest.mark.parametrize("name", FILES)
def test_a_file_is_right_once_its_marked_lines_are_changed(
    name: str, here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = here / "filled.yaml"
    path.write_text(filled_in(name))
    file = read_cluster_file(path)
    # Hosts answer in another test.
    found = [*doctor._of_file(file)]
    assert [check for check in found if check.fault or check.advice] == []
    shipped = read_cluster_file(ROOT / name)
    lines = (ROOT / name).read_text().splitlines()
    found = list(doctor._of_file(shipped))
    assert found
    assert {c.found.partition("still")[2] for c in found} == {" that of the example"}
    numbers = {int(c.name.removeprefix("line ")) for c in found}
    marks = {n: mark[1] for n, line in enumerate(lines, 1) if (mark := MARK.search(line))}
    repeated = {n for n, line in enumerate(lines, 1) if re.search(r": \*\w+$", line)}  # an anchor's
    assert numbers <= marks.keys() | repeated
    # Google Cloud's project stands on two lines: in the address of its workers' account, too.
    assert sorted(marks.values()) == (["1"] if "gcp" in name else []) + ["1", "2", "3"]


@pytest.mark.parametrize("name", LAUNCHED)
def test_all_take_token_and_constraints_from_the_same_place(name: str) -> None:
    content = yaml.safe_load((ROOT / name).read_text())
    for section in ("head_start_ray_commands", "worker_start_ray_commands"):
        for command in content[section]:
            assert command.startswith("source ~/distrib/deploy/node/environment.sh &&"), command
    assert content["file_mounts"]["~/distrib/constraints.txt"] == "constraints.txt"
    assert content["setup_commands"][0].startswith("bash ~/distrib/deploy/node/setup.sh")
    assert "RAY_AUTH_MODE=token" in (ROOT / "deploy/node/environment.sh").read_text()


AWS, LOCAL, KUBE = "cluster.yaml", "deploy/onprem.yaml", "deploy/kuberay.yaml"
SOURCE = "source ~/distrib/deploy/node/environment.sh && ulimit -n 65536;\n    ray start --head"
RULE = (
    "  type: aws\n  security_group:\n    IpPermissions:\n      - {FromPort: 8265, ToPort: 8265, "
    "IpProtocol: tcp, IpRanges: [{CidrIp: 0.0.0.0/0}]}\n"
)
SPOT = "InstanceType: m5.xlarge\n      InstanceMarketOptions: {MarketType: spot}"


@pytest.mark.parametrize(
    ("name", "old", "new", "problem", "mend", "at"),
    [
        (LOCAL, "[worker-1,", "[mine,", "the head mine is listed as a worker", "remove", "[mine"),
        (LOCAL, "[worker-1,", "[worker-2,", "worker-2 is listed twice", "remove", "[worker-2"),
        (LOCAL, "cluster_name: distrib\n", "cluster_name: distrib\nmax_workers: 7\n",
         "max_workers: 7, where 2 workers", "list more", "max_workers: 7"),
        (LOCAL, SOURCE, "ray start --head", "requires no token", "environment.sh", None),
        (LOCAL, "dashboard-host=127.0.0.1", "dashboard-host=0.0.0.0", "dashboard is public",
         "port-forward", None),
        (LOCAL, "  storage: /shared/runs", "  other: 1", "no shared storage", "storage:",
         "metadata:"),
        (LOCAL, "  storage: /shared/runs", "  storage: runs", "no place that nodes could share",
         "absolute", "storage: runs"),
        (LOCAL, "  - bash ~/distrib/deploy/node/setup.sh cluster", "  - pip install ray",
         "without versions", "constraints.txt", "pip install"),
        (LOCAL, "idle_timeout_minutes: 10", "#", "no idle_timeout_minutes", ": 10", "cluster_name"),
        (LOCAL, "  ~/.ray-cluster: ~/.ray-cluster\n", "", "no folder with the token",
         ".ray-cluster", "file_mounts"),
        (LOCAL, "ssh_user: distrib", "ssh_uesr: distrib", "Ray knows no 'ssh_uesr'", "'ssh_user'",
         "ssh_uesr"),
        (LOCAL, "~/.ssh/id_ed25519", "~/.ssh/none", "no key at", "ssh-keygen", "ssh_private_key"),
        (AWS, "InstanceType: m5.xlarge", SPOT, "head runs at spot prices", "take the spot",
         "node_config"),
        (AWS, "  type: aws\n", RULE, "8265 to 8265 are open to the world", "port-forward",
         "FromPort"),
        (AWS, "  region: us-west-2 ", "  # ", "no region", "us-west-2", "provider:"),
        (AWS, "  region: us-west-2 ",
         "  availability_zone: us-west-2a\n  region: eu-west-1 ",
         "us-west-2a is no zone of eu-west-1",
         "eu-west-1a", "availability_zone"),
        (AWS, "head_node_type: head", "head_node_type: haed", "head_node_type is 'haed'", "gpu",
         "head_node_type"),
        (AWS, "min_workers: 1 ", "min_workers: 9 ", "more than max_workers allows", "at most 8",
         "min_workers: 9"),
        (AWS, "storage: s3://mine/runs", "storage: /efs/runs", "no command mounts /efs/runs",
         "mount it", "storage:"),
        (AWS, "max_workers: 8\nup", "max_workers: many\nup", "'many' is not of type", "examples",
         "max_workers: many"),
        (KUBE, "value: token", "value: disabled", "requires no token", "RAY_AUTH_MODE", "env:"),
        (KUBE, "serviceType: ClusterIP", "serviceType: LoadBalancer", "reachable from outside",
         "port-forward", "serviceType"),
        (KUBE, "dashboard-host: 127.0.0.1", "dashboard-port: '8265'", "dashboard is public",
         "127.0.0.1", "rayStartParams"),
        (KUBE, "    idleTimeoutSeconds: 600", "    # none", "no idle time-out", "600",
         "enableInTree"),
        (KUBE, "minReplicas: 1", "minReplicas: 9", "minReplicas: 9 is more", "maxReplicas",
         "minReplicas"),
        (KUBE, "replicas: 1", "replica: 1", "KubeRay knows no 'replica'", "'replicas'",
         "replica: 1"),
        (KUBE, "persistentVolumeClaim: {claimName: mine}", "emptyDir: {}", "no shared storage",
         "volumes", None),
    ],
)  # fmt: skip
def test_a_mistake_is_told_with_its_line(
    here: Path, name: str, old: str, new: str, problem: str, mend: str, at: str | None
) -> None:
    file = edited(here, name, old, new)
    found = [check for check in faults(file) if problem in check.found]
    assert found, [check.found for check in faults(file)]
    assert mend in (found[0].advice or "")
    if at is not None:
        number = int(found[0].name.removeprefix("line "))
        assert at in file.path.read_text().splitlines()[number - 1]


def test_a_head_listed_under_another_name_is_told(here: Path) -> None:
    file = edited(here, "deploy/onprem.yaml", "[worker-1,", "[127.0.0.1,")
    file.path.write_text(file.path.read_text().replace("head_ip: mine", "head_ip: localhost"))
    found = [check.found for check in faults(read_cluster_file(file.path))]
    assert any("the head localhost is listed as a worker" in text for text in found)


def test_the_token_is_there_and_nobody_else_s(here: Path) -> None:
    token = here / "home" / ".ray-cluster" / "auth_token"
    token.chmod(0o644)
    (fault,) = faults(edited(here, AWS, "us-west-2", "us-west-2"))
    assert "others may read the token" in fault.found
    assert fault.advice == f"chmod 600 {token}"
    token.unlink()
    (fault,) = faults(edited(here, AWS, "us-west-2", "us-west-2"))
    assert "no token" in fault.found
    assert "umask 077" in (fault.advice or "")


def test_the_autoscaler_that_loses_a_worker_is_named(here: Path) -> None:
    environment = here / "deploy" / "node" / "environment.sh"
    text = environment.read_text()
    environment.write_text(text.replace("export RAY_enable_autoscaler_v2=0", ""))
    (fault,) = faults(edited(here, LOCAL, "worker-1", "worker-1"))
    assert "autoscaler v2" in fault.found


def test_what_is_no_cluster_file_is_refused(here: Path) -> None:
    path = here / "space.yaml"
    path.write_text("mlp: {lr: 1}\n")
    with pytest.raises(InputError, match="starts no cluster"):
        read_cluster_file(path)
    with pytest.raises(InputError, match="no such file"):
        read_cluster_file(here / "none.yaml")
