"""Learning rates by step and by plateau."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from distrib.models.training.schedules import ONE_CYCLE_START, Plateau, Schedule, factor

SCHEDULES: list[Schedule] = ["constant", "cosine", "one-cycle", "plateau"]


def test_cosine_equals_that_of_torch() -> None:
    parameter = torch.nn.Parameter(torch.zeros(1))
    optimizer = torch.optim.SGD([parameter], lr=1.0)
    reference = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, 50)
    for step in range(50):
        assert factor("cosine", step, 50) == pytest.approx(reference.get_last_lr()[0], abs=1e-9)
        optimizer.step()
        reference.step()


def test_one_cycle_climbs_to_its_peak_and_falls() -> None:
    values = [factor("one-cycle", step, 100) for step in range(100)]
    assert values[0] == pytest.approx(ONE_CYCLE_START)
    assert int(np.argmax(values)) == 30
    assert values[30] == pytest.approx(1.0)
    assert (np.diff(values[:31]) > 0).all()
    assert (np.diff(values[30:]) < 0).all()
    assert values[-1] < 1e-3


def test_warmup_rises_linearly() -> None:
    values = [factor("constant", step, 100, warmup=0.1) for step in range(12)]
    np.testing.assert_allclose(values[:10], np.arange(1, 11) / 11)
    assert values[10:] == [1.0, 1.0]


@given(
    st.sampled_from(SCHEDULES),
    st.integers(1, 400),
    st.floats(0, 0.99),
    st.data(),
)
def test_a_factor_is_a_fraction(
    schedule: Schedule, total: int, warmup: float, data: st.DataObject
) -> None:
    step = data.draw(st.integers(0, total - 1))
    assert 0 < factor(schedule, step, total, warmup) <= 1


def test_a_plateau_halves_the_rate_of_the_stuck_replica_only() -> None:
    plateau = Plateau(2, patience=2)
    for epoch in range(4):
        plateau.update(np.array([1.0 / (epoch + 1), 1.0]))
    assert plateau.factor.tolist() == [1.0, 0.5]


def test_a_plateau_goes_on_from_its_arrays() -> None:
    losses = np.random.default_rng(0).random((20, 3))
    whole, first, second = Plateau(3), Plateau(3), Plateau(3)
    for loss in losses:
        whole.update(loss)
    for loss in losses[:9]:
        first.update(loss)
    second.restore(first.arrays())
    for loss in losses[9:]:
        second.update(loss)
    for name, array in whole.arrays().items():
        np.testing.assert_array_equal(second.arrays()[name], array)
    assert (whole.factor < 1).all()
