"""The doctor before `ray up`: it asks the account whether a head runs, and makes nothing there."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from distrib.cluster.launch.running import nodes_of
from tests.support.cluster_files import edited, project
from tests.support.s3 import SETTINGS, s3_server

REGION = "us-west-2"


@pytest.fixture
def account(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """EC2 on the loopback, for this process's own calls, too."""
    import boto3

    monkeypatch.chdir(project(tmp_path))
    with s3_server() as endpoint:
        for name, value in {**SETTINGS, "AWS_ENDPOINT_URL": endpoint}.items():
            monkeypatch.setenv(name, value)
        yield boto3.client("ec2", region_name=REGION)


def test_without_a_head_nothing_is_made(account: Any, tmp_path: Path) -> None:
    import boto3

    file = edited(tmp_path, "cluster.yaml", "cluster_name: distrib", "cluster_name: lab")
    assert nodes_of(file) == f"no head of a cluster 'lab' runs in {REGION}"
    assert boto3.client("iam", region_name=REGION).list_roles()["Roles"] == []
    assert account.describe_key_pairs()["KeyPairs"] == []
    names = {group["GroupName"] for group in account.describe_security_groups()["SecurityGroups"]}
    assert names == {"default"}


def test_a_head_that_runs_is_asked(
    account: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    image = account.describe_images()["Images"][0]["ImageId"]
    tags = [{"Key": "ray-cluster-name", "Value": "lab"}, {"Key": "ray-node-type", "Value": "head"}]
    account.run_instances(
        ImageId=image, MinCount=1, MaxCount=1,
        TagSpecifications=[{"ResourceType": "instance", "Tags": tags}],
    )  # fmt: skip
    ray = tmp_path / "bin" / "ray"
    ray.parent.mkdir(exist_ok=True)
    ray.write_text("#!/bin/bash\necho 'distrib-nodes:[{\"head\": true}]'\n")
    ray.chmod(0o755)
    monkeypatch.setattr("sys.executable", str(ray.with_name("python")))
    file = edited(tmp_path, "cluster.yaml", "cluster_name: distrib", "cluster_name: lab")
    assert nodes_of(file) == [{"head": True}]


def test_an_account_that_refuses_is_told(
    account: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    file = edited(tmp_path, "cluster.yaml", "cluster_name: distrib", "cluster_name: lab")
    assert "AWS says: " in str(nodes_of(file))
