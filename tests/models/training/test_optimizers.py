"""Replicas with learning rates and weight decays of their own train as they would alone."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from distrib.models.training.optimizers import Steps, make_optimizer

RATES, DECAYS = [0.1, 0.02, 0.005], [0.3, 0.0, 0.05]
REPLICAS, STEPS = 3, 12


class Stacked(nn.Module):
    """Linear maps side by side: (replicas, 4, 2) weights, (replicas, 2) biases."""

    def __init__(self, numbers: Any) -> None:
        super().__init__()
        rng = np.random.default_rng(0)
        weights = torch.from_numpy(rng.normal(size=(REPLICAS, 4, 2)))[numbers].float()
        self.weight, self.shift = nn.Parameter(weights), nn.Parameter(torch.ones(len(numbers), 2))


def trained(numbers: list[int], kind: Any, rates: Any, decays: Any) -> Stacked:
    """Under a schedule, and a plateau that halves the rate of the second replica."""
    model = Stacked(numbers)
    steps = Steps(make_optimizer(model, kind, rates, decays), [*model.parameters()])
    parts = np.array([1.0, 0.5, 1.0])[numbers]
    rng = np.random.default_rng(1)
    for step in range(STEPS):
        x = torch.from_numpy(rng.normal(size=(REPLICAS, 8, 4)))[numbers].float()
        output = x @ model.weight + model.shift[:, None]
        (output - 1).square().mean(dim=(1, 2)).sum().backward()
        steps.step(1 - step / (2 * STEPS), parts)
    return model


@pytest.mark.parametrize("kind", ["adamw", "adam"])
@pytest.mark.parametrize(
    ("rates", "decays"), [(RATES, DECAYS), (RATES, 0.1), (0.05, DECAYS), (RATES, [0.0] * 3)]
)
def test_each_as_alone(kind: Any, rates: Any, decays: Any) -> None:
    together = trained([0, 1, 2], kind, rates, decays)
    finals = []
    for k in range(REPLICAS):
        rate = float(np.broadcast_to(rates, REPLICAS)[k])
        decay = float(np.broadcast_to(decays, REPLICAS)[k])
        alone = trained([k], kind, rate, decay)
        for name, p in alone.named_parameters():
            found = together.get_parameter(name)[k]
            torch.testing.assert_close(found, p[0], rtol=2e-5, atol=2e-6)
        finals.append(alone.weight.detach())
    with pytest.raises(AssertionError):  # and they do differ from those with other settings
        other = trained([0], kind, 0.3, 0.5).weight.detach()
        torch.testing.assert_close(finals[0], other, rtol=2e-5, atol=2e-6)


def test_decay_of_their_own_spares_what_has_none() -> None:
    model = nn.Sequential(nn.Linear(3, 3), nn.LayerNorm(3))
    made = make_optimizer(model, "adamw", 0.1, 0.5, no_decay=True)
    decayed = [
        id(p) for group in made.param_groups if group["weight_decay"] for p in group["params"]
    ]
    assert decayed == [id(model[0].weight)]
    with torch.no_grad():
        for p in model.parameters():
            p.fill_(2.0)
            p.grad = torch.zeros_like(p)
    Steps(made, [*model.parameters()]).step(1.0, np.ones(1))
    assert model[0].weight.eq(2.0 * (1 - 0.1 * 0.5)).all()
    assert all(p.eq(2.0).all() for p in (model[0].bias, *model[1].parameters()))
