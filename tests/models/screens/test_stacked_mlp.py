"""The stacked perceptron against torch's own layers, one fold at a time."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor, nn

from distrib.models.screens.folds import stream
from distrib.models.screens.mlp import Activation, Loss, Norm, StackedMLP
from distrib.models.training.replicas import clip_gradients, shorten_step

MODULES: dict[Activation, nn.Module] = {
    "relu": nn.ReLU(),
    "gelu": nn.GELU(),
    "silu": nn.SiLU(),
    "tanh": nn.Tanh(),
}


def build(
    activation: Activation = "relu", norm: Norm = "none", loss: Loss = "mse", folds: int = 3
) -> StackedMLP:
    generators = [stream(0, k, "weights") for k in range(folds)]
    return StackedMLP((6, 8, 8, 4), generators, activation=activation, norm=norm, loss=loss)


def reference(model: StackedMLP, fold: int, activation: Activation, norm: Norm) -> nn.Sequential:
    """The same network of torch's layers, with the weights of one fold."""
    layers: list[nn.Module] = []
    for i, (weight, bias) in enumerate(zip(model.weights, model.biases)):
        linear = nn.Linear(weight.shape[1], weight.shape[2])
        linear.load_state_dict({"weight": weight[fold].T, "bias": bias[fold, 0]})
        layers.append(linear)
        if i < len(model.weights) - 1:
            width = weight.shape[2]
            if norm != "none":
                layers.append(nn.BatchNorm1d(width) if norm == "batch" else nn.LayerNorm(width))
            layers.append(MODULES[activation])
    return nn.Sequential(*layers)


def even(x: Tensor) -> Tensor:
    return torch.full((*x.shape[:2], 1), 1 / x.shape[1])


@pytest.mark.parametrize("norm", ["none", "batch", "layer"])
@pytest.mark.parametrize("activation", list(MODULES))
def test_equals_torchs_layers(activation: Activation, norm: Norm) -> None:
    model = build(activation, norm)
    x = torch.randn(3, 10, 6, generator=stream(1, 0, "order"))
    output = model(x, weight=even(x))
    for fold in range(3):
        expected = reference(model, fold, activation, norm)(x[fold])
        torch.testing.assert_close(output[fold], expected, atol=1e-5, rtol=1e-5)


def test_batch_statistics_leave_padding_out() -> None:
    model, padded = build(norm="batch"), build(norm="batch")
    x = torch.randn(3, 10, 6, generator=stream(1, 0, "order"))
    filled = torch.cat([x, torch.full((3, 2, 6), 50.0)], dim=1)
    weight = torch.cat([even(x), torch.zeros(3, 2, 1)], dim=1)
    found = padded(filled, weight=weight)[:, :10]
    torch.testing.assert_close(found, model(x, weight=even(x)), atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(padded(x), model(x), atol=1e-5, rtol=1e-5)  # running statistics


def test_running_statistics_come_to_those_of_the_data() -> None:
    model = build(norm="batch")
    x = torch.randn(3, 200, 6, generator=stream(1, 0, "order"))
    for _ in range(100):
        model(x, weight=even(x))
    torch.testing.assert_close(model(x), model(x, weight=even(x)), atol=1e-3, rtol=1e-3)


def test_squared_errors_are_in_units_of_the_targets_spread() -> None:
    model = build()
    targets = torch.randn(3, 10, 4, generator=stream(2, 0, "order")) * 3 + 5
    model.target_mean[:] = targets.mean(1, keepdim=True)
    spread = (targets - model.target_mean).square().mean((1, 2))
    model.target_scale[:] = spread.sqrt()[:, None, None]
    entries = torch.full((3, 10, 1), 1 / 40)
    at_the_mean = model.losses(torch.zeros(3, 10, 4), targets, entries, None)
    torch.testing.assert_close(at_the_mean, torch.ones(3))
    output = torch.randn(3, 10, 4, generator=stream(3, 0, "order"))
    expected = (model.profile(output) - targets).square().mean((1, 2)) / spread
    torch.testing.assert_close(model.losses(output, targets, entries, None), expected)


def test_cross_entropy_equals_torchs() -> None:
    model = build(loss="cross_entropy")
    targets = torch.rand(3, 10, 4, generator=stream(2, 0, "order"))
    targets /= targets.sum(-1, keepdim=True)
    model.target_mean[:] = targets.mean(1, keepdim=True)
    output = torch.randn(3, 10, 4, generator=stream(3, 0, "order"))
    rows = torch.full((3, 10, 1), 0.1)
    found = model.losses(output, targets, rows, None)
    for fold in range(3):
        logits = model.profile(output)[fold].log()
        expected = nn.functional.cross_entropy(logits, targets[fold])
        torch.testing.assert_close(found[fold], expected)
    torch.testing.assert_close(model.profile(output).sum(-1), torch.ones(3, 10))


def test_cross_entropy_of_measured_columns_is_that_of_a_smaller_profile() -> None:
    model, small = build(loss="cross_entropy"), build(loss="cross_entropy")
    model.target_mean[:] = 0.25
    small.target_mean = torch.full((3, 1, 3), 1 / 3)
    targets = torch.rand(3, 10, 4, generator=stream(2, 0, "order"))
    targets[..., 2] = 0
    measured = torch.ones(3, 10, 4, dtype=torch.bool)
    measured[..., 2] = False
    output = torch.randn(3, 10, 4, generator=stream(3, 0, "order"))
    kept = [0, 1, 3]
    part = targets[..., kept] / targets[..., kept].sum(-1, keepdim=True)
    rows = torch.full((3, 10, 1), 0.1)
    torch.testing.assert_close(
        model.losses(output, targets, rows, measured),
        small.losses(output[..., kept], part, rows, None),
    )


def test_weights_are_those_of_torchs_linear_layer() -> None:
    model = StackedMLP((400, 300, 2), [stream(0, 0, "weights")])
    bound = 1 / math.sqrt(400)
    assert model.weights[0].abs().max() <= bound
    assert model.weights[0].std().item() == pytest.approx(bound / math.sqrt(3), rel=0.01)


def test_each_replicas_gradient_is_clipped_by_itself() -> None:
    parameters = [nn.Parameter(torch.zeros(2, 3)), nn.Parameter(torch.zeros(2, 1, 4))]
    gradients = [torch.tensor([[3.0] * 3, [0.01] * 3]), torch.full((2, 1, 4), 0.02)]
    for parameter, gradient in zip(parameters, gradients):
        parameter.grad = gradient.clone()
    clip_gradients(parameters, 1.0, replicas=2)
    for fold, unchanged in ((0, False), (1, True)):
        alone = [nn.Parameter(torch.zeros_like(p[fold])) for p in parameters]
        for p, gradient in zip(alone, gradients):
            p.grad = gradient[fold].clone()
        nn.utils.clip_grad_norm_(alone, 1.0)
        for p, whole, gradient in zip(alone, parameters, gradients):
            assert p.grad is not None and whole.grad is not None
            torch.testing.assert_close(whole.grad[fold], p.grad)
            assert torch.equal(whole.grad[fold], gradient[fold]) == unchanged


def test_a_part_of_a_step_is_a_step_with_a_part_of_the_rate() -> None:
    start = torch.randn(2, 5, generator=stream(0, 0, "order"))
    parts = torch.tensor([1.0, 0.25])
    together = nn.Parameter(start.clone())
    optimizer = torch.optim.AdamW([together], lr=0.1, weight_decay=0.3)
    alone = [nn.Parameter(row.clone()) for row in start]
    groups = [{"params": [p], "lr": 0.1 * float(part)} for p, part in zip(alone, parts)]
    expected = torch.optim.AdamW(groups, weight_decay=0.3)
    for step in range(5):
        gradient = torch.randn(2, 5, generator=stream(0, 0, "order", step))
        together.grad = gradient.clone()
        before = [together.detach().clone()]
        optimizer.step()
        shorten_step([together], before, parts)
        for p, row in zip(alone, gradient):
            p.grad = row.clone()
        expected.step()
    torch.testing.assert_close(together.detach(), torch.stack([p.detach() for p in alone]))
