"""Nodes that differ, or do not reach the data, are named before anything begins."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from distrib.cluster import shared
from distrib.data.streams.parquet_set import open_set
from distrib.errors import InputError
from distrib.trainables.capabilities import ReadLater

NODES = [{"NodeID": name, "NodeManagerAddress": f"host-{name}"} for name in "abc"]


@pytest.fixture
def answers(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """What nodes answer; who is not in it is late."""
    found: dict[str, Any] = {}
    late = lambda: [node["NodeID"] for node in NODES if node["NodeID"] not in found]  # noqa: E731
    monkeypatch.setattr(shared, "working_nodes", lambda: NODES)
    monkeypatch.setattr(shared, "ask_nodes", lambda *question, nodes: (found, late()))
    return found


@pytest.mark.parametrize("name", ["python", "ray", "torch"])
def test_nodes_with_other_versions(answers: dict[str, Any], name: str) -> None:
    answers |= {node: shared.versions() for node in "abc"}
    shared.check_versions()
    answers["b"] = {**shared.versions(), name: "0.1"}
    with pytest.raises(InputError, match="--address: the nodes of this cluster differ") as told:
        shared.check_versions()
    assert f"{name} 0.1 on host-b" in str(told.value)
    assert "constraints.txt" in str(told.value)


def test_nodes_without_the_data(answers: dict[str, Any]) -> None:
    answers |= dict.fromkeys("abc")
    shared.check_data(None)
    answers["b"] = "/rows/part-0.parquet: no such file or folder"
    del answers["c"]
    with pytest.raises(InputError, match="--data: not every node reaches the data") as told:
        shared.check_data(None)
    assert "on host-b, host-c: /rows/part-0.parquet: no such file" in str(told.value)


def test_a_set_knows_whether_its_files_are_here(tmp_path: Path) -> None:
    for number in range(3):
        pq.write_table(pa.table({"x": list(range(5 + number))}), tmp_path / f"p{number}.parquet")
    data = open_set(tmp_path)
    assert isinstance(data, ReadLater)
    assert shared._lacks(data) is None
    pq.write_table(pa.table({"x": list(range(90))}), tmp_path / "p2.parquet")
    assert "this is not the file that the set was opened with" in str(shared._lacks(data))
    (tmp_path / "p2.parquet").unlink()
    assert f"{tmp_path}/p2.parquet: no such file" in str(shared._lacks(data))
