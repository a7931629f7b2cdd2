"""`ray up cluster.yaml` up to what it asks of AWS, against an AWS on this machine."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from tests.support.cluster_files import filled_in, project
from tests.support.s3 import SETTINGS, s3_server

pytestmark = [pytest.mark.exhaustive, pytest.mark.timeout(150)]  # Ray waits for a role, 15 s


def ask(endpoint: str, operation: str, **words: Any) -> dict[str, Any]:
    import boto3

    client = boto3.client(
        "ec2",
        region_name="us-west-2",
        endpoint_url=endpoint,
        aws_access_key_id="key",
        aws_secret_access_key="secret",
    )
    return getattr(client, operation)(**words)


def launched(endpoint: str, ray_up: subprocess.Popen[str], log: Path) -> dict[str, Any]:
    """The machine that was asked for."""
    end = time.monotonic() + 100
    while True:
        found = ask(endpoint, "describe_instances")["Reservations"]
        if found:
            (instance,) = found[0]["Instances"]
            if instance["BlockDeviceMappings"]:  # a moment later
                return instance
        assert ray_up.poll() is None, log.read_text()
        assert time.monotonic() < end, log.read_text()
        time.sleep(0.5)


def test_the_head_is_asked_for_as_the_file_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MOTO_IAM_LOAD_MANAGED_POLICIES", "true")
    project(tmp_path)
    (tmp_path / "cluster.yaml").write_text(filled_in("cluster.yaml"))
    (tmp_path / "bin").mkdir()
    for name in ("ssh", "rsync"):  # no machine is behind the address that it is told
        (tmp_path / "bin" / name).write_text("#!/bin/sh\nexit 255\n")
        (tmp_path / "bin" / name).chmod(0o755)
    log = tmp_path / "log"
    with s3_server() as endpoint, log.open("w") as out:
        ray_up = subprocess.Popen(
            [sys.executable, "-m", "ray.scripts.scripts", "up", "-y", "--no-config-cache",
             "cluster.yaml"],
            cwd=tmp_path,
            env={**os.environ, **SETTINGS, "AWS_ENDPOINT_URL": endpoint, "HOME":
                 str(tmp_path / "home"), "PATH": f"{tmp_path / 'bin'}:{os.environ['PATH']}",
                 "RAY_TMPDIR": str(tmp_path / "t"), "RAY_USAGE_STATS_ENABLED": "0"},
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )  # fmt: skip
        try:
            head = launched(endpoint, ray_up, log)
            (group,) = ask(
                endpoint,
                "describe_security_groups",
                GroupIds=[head["SecurityGroups"][0]["GroupId"]],
            )["SecurityGroups"]
            disk = head["BlockDeviceMappings"][0]["Ebs"]["VolumeId"]
            (volume,) = ask(endpoint, "describe_volumes", VolumeIds=[disk])["Volumes"]
        finally:
            with suppress(ProcessLookupError):
                os.killpg(ray_up.pid, signal.SIGKILL)
            ray_up.wait(10)
    assert head["InstanceType"] == "m5.xlarge"
    assert head["ImageId"].startswith("ami-")
    assert "InstanceLifecycle" not in head  # which spot machines have
    assert head["Placement"]["AvailabilityZone"].startswith("us-west-2")
    assert head["IamInstanceProfile"]["Arn"].endswith("ray-autoscaler-v1")
    tags = {tag["Key"]: tag["Value"] for tag in head["Tags"]}
    assert tags["ray-node-type"] == "head"
    assert tags["ray-cluster-name"] == "distrib"
    assert head["BlockDeviceMappings"][0]["Ebs"]["DeleteOnTermination"]
    assert head["MetadataOptions"]["HttpTokens"] == "required"
    assert (volume["Size"], volume["Encrypted"], volume["VolumeType"]) == (100, True, "gp3")
    # Closed: from elsewhere SSH alone, all else from the group itself.
    for rule in group["IpPermissions"]:
        ranges = [r["CidrIp"] for r in rule["IpRanges"]]
        assert not ranges or (rule["FromPort"], rule["ToPort"]) == (22, 22), json.dumps(rule)
        assert [p["GroupId"] for p in rule["UserIdGroupPairs"]] in ([], [group["GroupId"]])
