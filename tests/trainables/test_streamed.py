"""Families that train on streamed rows: precision and device reach what a family computes with."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from distrib.trainables.base import Source, State, Worker
from tests.stream_family import Net, NetConfig, write_rows

CONFIG = NetConfig(epochs=6, hidden=16)


def trained(folder: Path, worker: Worker) -> tuple[float, State]:
    data = Net().load(Source(path=str(folder)))
    *_, last = Net().progress(CONFIG, data, worker)
    assert last.metrics is not None
    return last.metrics["mse"], last.state()


def test_half_precision_is_used_and_changes_little(tmp_path: Path) -> None:
    write_rows(tmp_path, rows=400)
    whole, _ = trained(tmp_path, Worker())
    half, state = trained(tmp_path, Worker(precision="bfloat16"))
    assert half != whole
    assert half == pytest.approx(whole, rel=0.05)
    assert {a.dtype.name for n, a in state.arrays.items() if n.startswith("model.")} == {"float32"}
    data = Net().load(Source(path=str(tmp_path)))
    exact, rough = (Net().predict(CONFIG, state, data, Worker(precision=p)) for p in
                    ("float32", "bfloat16"))  # fmt: skip
    assert 0 < (exact["y"] - rough["y"]).abs().max() < 0.05


def test_network_and_rows_are_put_on_the_device(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_rows(tmp_path, rows=80)
    asked = []
    to_device = torch.nn.Module.to
    monkeypatch.setattr(
        torch.nn.Module, "to", lambda self, *a, **k: asked.append(a) or to_device(self, *a, **k)
    )
    trained(tmp_path, Worker(device="cpu"))
    assert asked == [("cpu",)]
