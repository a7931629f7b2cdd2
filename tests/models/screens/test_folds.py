"""Batches of folds: every row once, streams of their own, statistics of training rows only."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from distrib.models.screens import folds
from distrib.models.screens.folds import FoldData, Layout, predict_held_out, stream
from distrib.models.screens.mlp import StackedMLP


@given(st.lists(st.integers(1, 500), min_size=1, max_size=6), st.integers(1, 200))
def test_a_layout_cuts_each_row_once_into_nearly_equal_batches(
    sizes: list[int], batch_size: int
) -> None:
    layout = Layout.of(sizes, batch_size)
    assert layout.width <= batch_size
    for size in sizes:
        positions, valid = layout.cut(size)
        assert positions.shape == valid.shape == (layout.steps, layout.width)
        counts = valid.sum(axis=1)
        assert counts.min() >= 1
        assert counts.max() - counts.min() <= 1
        seen = np.sort(positions[valid])
        if size >= layout.steps:
            np.testing.assert_array_equal(seen, np.arange(size))
        assert set(seen) == set(range(size))
        assert positions.max() < size


def data(dropout: float | Sequence[float] = 0.0, rows: int = 50, missing: bool = False) -> FoldData:
    rng = np.random.default_rng(0)
    inputs = torch.from_numpy(rng.normal(3, 2, size=(rows, 6)).astype(np.float32))
    inputs[:, 2] = 0.7
    targets = torch.from_numpy(rng.normal(5, 2, size=(rows, 4)).astype(np.float32))
    if missing:
        targets[torch.from_numpy(rng.random((rows, 4)) < 0.3)] = torch.nan
        targets[:, 3] = torch.nan
    training = [np.arange(0, 30), np.arange(11, 50)]
    return FoldData(
        inputs,
        targets,
        training,
        labels=[0, 1],
        layout=Layout.of([30, 39], 8),
        hidden=[64, 32],
        dropout=dropout,
        per_row=False,
        seed=3,
    )


def model(loss: str = "mse") -> StackedMLP:
    return StackedMLP((6, 64, 32, 4), [stream(0, k, "weights") for k in (0, 1)], loss=loss)  # type: ignore[arg-type]


def test_an_epoch_holds_each_training_row_once() -> None:
    part, network = data(), model()
    batches = [b for i in range(part.num_blocks) for b in part.block(network, 0, i)]
    assert len(batches) == part.layout.steps
    for fold, rows in enumerate(part.training):
        seen = torch.cat([b.x[fold][b.weight[fold, :, 0] > 0] for b in batches])
        assert sorted(seen[:, 0].tolist()) == sorted(part.inputs[rows][:, 0].tolist())
    for batch in batches:
        torch.testing.assert_close(batch.weight.sum(1), torch.ones(2, 1))
        torch.testing.assert_close(batch.entries.sum((1, 2)) * 4, torch.ones(2))


def test_orders_differ_between_epochs_and_folds_and_are_repeatable() -> None:
    part, network = data(), model()
    first, again = (part.block(network, 0, 0)[0].x for _ in range(2))
    assert torch.equal(first, again)
    assert not torch.equal(first, part.block(network, 1, 0)[0].x)
    assert not torch.equal(first[0], first[1])


def test_standards_are_those_of_the_training_rows() -> None:
    part, network = data(missing=True), model()
    part.fit_standards(network)
    observed = torch.where(part.measured, part.targets, torch.nan).numpy()
    for fold, rows in enumerate(part.training):
        x, y = part.inputs[rows].numpy(), observed[rows]
        np.testing.assert_allclose(network.input_mean[fold, 0], x.mean(0), rtol=1e-5)
        varying = [0, 1, 3, 4, 5]
        scale = network.input_scale[fold, 0].numpy()
        np.testing.assert_allclose(scale[varying], x.std(0)[varying], rtol=1e-5)
        assert scale[2] == 1
        mean = np.append(np.nanmean(y[:, :3], axis=0), 0)
        np.testing.assert_allclose(network.target_mean[fold, 0], mean, rtol=1e-5)
        spread = np.sqrt(np.nanmean(np.square(y - mean)))
        assert network.target_scale[fold].item() == pytest.approx(spread, rel=1e-5)


def test_missing_targets_have_no_weight() -> None:
    part, network = data(missing=True), model()
    for batch in part.block(network, 0, 0):
        assert batch.measured is not None
        assert (batch.entries[~batch.measured] == 0).all()
        torch.testing.assert_close(batch.entries.sum((1, 2)), torch.ones(2))
        assert torch.isfinite(batch.y).all()


@pytest.mark.parametrize("dropout", [0.1, 0.5, 0.9])
def test_dropout_masks_have_their_share_and_a_mean_of_one(dropout: float) -> None:
    part = data(dropout)
    batches = part.block(model(), 0, 0)
    masks = torch.cat([m.reshape(-1) for b in batches for m in b.masks])
    share, error = (masks == 0).float().mean().item(), np.sqrt(dropout * (1 - dropout) / len(masks))
    assert abs(share - dropout) < 5 * error
    kept = masks[masks != 0]
    torch.testing.assert_close(kept, torch.full_like(kept, 1 / (1 - dropout)), rtol=1e-4, atol=0)
    assert [m.shape for m in batches[0].masks] == [(2, part.layout.width, w) for w in (64, 32)]
    assert not torch.equal(batches[0].masks[0][0], batches[0].masks[0][1])


def test_held_out_rows_in_parts_are_as_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    part, network = data(missing=True), model()
    part.fit_standards(network)
    targets = torch.where(part.measured, part.targets, torch.nan)
    rows = [np.arange(30, 50), np.arange(0, 11)]
    whole, loss = predict_held_out(network, part.inputs, targets, rows)
    monkeypatch.setattr(folds, "HELD_OUT_ROWS", 7)
    parts, same_loss = predict_held_out(network, part.inputs, targets, rows)
    torch.testing.assert_close(parts, whole, equal_nan=True)
    torch.testing.assert_close(same_loss, loss)
    assert torch.isnan(whole[11:30]).all()
    error = [((whole[r] - targets[r]) / network.target_scale[k]) for k, r in enumerate(rows)]
    assert loss.item() == pytest.approx(torch.cat(error).square().nanmean().item(), rel=1e-5)


def test_a_fold_may_have_a_dropout_of_its_own() -> None:
    """Its masks are those of folds that all have it."""
    network = model()
    mixed = data([0.0, 0.4]).block(network, 2, 0)
    for batch, other in zip(mixed, data(0.4).block(network, 2, 0)):
        assert len(batch.masks) == len(other.masks) == 2
        for mask, expected in zip(batch.masks, other.masks):
            assert mask[0].eq(1).all()
            assert mask[1].eq(0).any()
            torch.testing.assert_close(mask[1], expected[1], rtol=0, atol=0)
