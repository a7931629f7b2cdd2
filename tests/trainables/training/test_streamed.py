"""Families that train on streamed rows: precision and device reach what a family computes with."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch

from distrib.errors import InputError
from distrib.trainables.base import Source, State, Worker
from tests.families.stream_family import Net, NetConfig, write_rows

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


class ByDonor(Net):
    split_by = "donor"


@pytest.mark.parametrize("seed", range(4))
def test_a_part_without_rows_is_refused_before_anything_is_trained(
    tmp_path: Path, seed: int
) -> None:
    """All rows are of one donor, and so in one part."""
    write_rows(tmp_path, rows=80)
    for file in tmp_path.glob("*.parquet"):
        table = pq.read_table(file)
        table = table.append_column("donor", pa.array(["a"] * len(table)))
        pq.write_table(table, file, row_group_size=20)
    family = ByDonor()
    data = family.load(Source(path=str(tmp_path)))
    train, _ = data.split(0.25, seed, by="donor")
    empty = "training" if train.is_empty() else "validation"
    with pytest.raises(InputError, match=f"the {empty} part has no rows") as caught:
        family.check(NetConfig(split_seed=seed), data)
    assert str(tmp_path) in str(caught.value)
    assert "'donor'" in str(caught.value)


@pytest.mark.parametrize("stop", [3, 20])
def test_a_state_amid_an_epoch_of_an_older_version_goes_on(tmp_path: Path, stop: int) -> None:
    """It had the weights, the optimiser's memory, the place of the stream and the epoch alone."""
    write_rows(tmp_path, rows=400)
    data = Net().load(Source(path=str(tmp_path)))
    whole = [(item.metrics, item.state()) for item in Net().progress(CONFIG, data, Worker())]
    metrics, state = whole[stop]
    assert metrics is None and state.arrays["position"].any()
    kept = ("model.", "optimizer.", "position")
    arrays = {name: a for name, a in state.arrays.items() if name.startswith(kept)}
    assert len(arrays) < len(state.arrays)
    old = State(arrays, {"epoch": state.values["epoch"]})
    rest = [(item.metrics, item.state()) for item in Net().progress(CONFIG, data, Worker(), old)]
    assert [m for m, _ in rest] == [m for m, _ in whole[stop + 1 :]]
    for name, array in whole[-1][1].arrays.items():
        if name.startswith("model."):
            np.testing.assert_array_equal(rest[-1][1].arrays[name], array, err_msg=name)
