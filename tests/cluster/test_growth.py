"""What the file that `ray up` leaves on the head says of the workers that may come."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from distrib.cluster.growth import KUBERAY, Growth, known_growth


def prepared(name: str, tmp_path: Path) -> Path:
    """One of our files as Ray itself completes it before it copies it to the head."""
    from ray.autoscaler._private.util import prepare_config

    from tests.support.cluster_files import filled_in

    content = yaml.safe_load(filled_in(name))
    for kind in content.get("available_node_types", {}).values():
        kind["resources"] = kind.get("resources") or {"CPU": 4, "GPU": 1}  # what a cloud says
    path = tmp_path / "ray_bootstrap_config.yaml"
    path.write_text(yaml.safe_dump(prepare_config(content)))
    return path


@pytest.mark.parametrize("name", ["cluster.yaml", "deploy/gcp.yaml"])
def test_all_workers_of_a_cloud_s_file(name: str, tmp_path: Path) -> None:
    assert known_growth(prepared(name, tmp_path)) == Growth(({"CPU": 4.0, "GPU": 1.0},) * 8, 8)


def test_nothing_is_known_of_machines_of_ones_own(tmp_path: Path) -> None:
    assert not known_growth(prepared("deploy/onprem.yaml", tmp_path)).nodes


def test_no_file_and_kuberay(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert known_growth(tmp_path / "none") == Growth()
    monkeypatch.setenv(KUBERAY, "1")
    assert known_growth(tmp_path / "none").unknown
