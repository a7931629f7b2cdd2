"""The perceptron on pairs against the network that is given every pair written out."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from distrib.models.screens import pairs
from distrib.models.screens.folds import stream
from distrib.models.screens.pairs import StackedPairs, predict_rows

FOLDS, ROWS, INPUTS, GENES, WIDTH = 2, 7, 6, 11, 5
HIDDEN = (16, 8, 4)


def build(*, learned: bool = False) -> StackedPairs:
    genes = None if learned else torch.randn(GENES, WIDTH, generator=stream(3, 0, "order"))
    generators = [stream(0, fold, "weights") for fold in range(FOLDS)]
    model = StackedPairs(INPUTS, genes, GENES, HIDDEN, generators)
    with torch.no_grad():
        for bias in model.biases:
            bias.uniform_(-1, 1)
        model.target_mean.normal_()
        model.target_scale.fill_(2.0)
    return model


def materialised(model: StackedPairs, fold: int, x: Tensor) -> Tensor:
    """(rows, genes) from torch's own layers on [e_p; e_g] of every pair."""
    genes = torch.eye(GENES) if model.genes is None else model.genes
    both = torch.cat([x.repeat_interleave(GENES, dim=0), genes.repeat(len(x), 1)], dim=1)
    first = torch.cat([model.row_weight[fold], model.gene_weight[fold]])
    layers: list[nn.Module] = []
    for weight, bias in zip([first, *(w[fold] for w in model.weights)], model.biases):
        linear = nn.Linear(*weight.shape)
        linear.load_state_dict({"weight": weight.T, "bias": bias[fold, 0]})
        layers += [linear, nn.ReLU()]
    return nn.Sequential(*layers[:-1])(both).view(len(x), GENES)


@pytest.mark.parametrize("learned", [False, True])
def test_equals_the_materialised_network(learned: bool) -> None:
    model = build(learned=learned)
    x = torch.randn(FOLDS, ROWS, INPUTS, generator=stream(1, 0, "order"))
    chosen = torch.stack([torch.randperm(GENES)[:6] for _ in range(FOLDS)])
    output = model(x, chosen)
    for fold in range(FOLDS):
        expected = materialised(model, fold, x[fold])[:, chosen[fold]]
        torch.testing.assert_close(output[fold], expected, atol=1e-5, rtol=1e-5)


def test_so_are_its_gradients() -> None:
    model = build()
    x = torch.randn(FOLDS, ROWS, INPUTS, generator=stream(1, 0, "order"))
    every = torch.arange(GENES).expand(FOLDS, -1)
    model(x, every).square().sum().backward()
    found = [
        parameter.grad.clone() for parameter in model.parameters() if parameter.grad is not None
    ]
    leaves = {name: p.detach().clone().requires_grad_() for name, p in model.named_parameters()}
    total = torch.zeros(())
    for fold in range(FOLDS):
        first = torch.cat([leaves["row_weight"][fold], leaves["gene_weight"][fold]])
        genes = model.genes
        assert genes is not None
        h = torch.cat([x[fold].repeat_interleave(GENES, 0), genes.repeat(ROWS, 1)], 1) @ first
        for layer in range(len(HIDDEN)):
            h = torch.relu(h + leaves[f"biases.{layer}"][fold]) @ leaves[f"weights.{layer}"][fold]
        total = total + (h + leaves[f"biases.{len(HIDDEN)}"][fold]).square().sum()
    total.backward()
    for one, (name, leaf) in zip(found, leaves.items(), strict=True):
        assert leaf.grad is not None
        torch.testing.assert_close(one, leaf.grad, rtol=1e-4, atol=1e-4, msg=name)


@pytest.mark.parametrize("at_once", [3, 30, 1000])
def test_streamed_predictions_do_not_depend_on_the_block(
    at_once: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = build()
    x = torch.randn(FOLDS, ROWS, INPUTS, generator=stream(1, 0, "order"))
    every = torch.arange(GENES).expand(FOLDS, -1)
    expected = model.profile(model(model.standardise(x), every), every)
    monkeypatch.setattr(pairs, "PAIRS_AT_ONCE", at_once)
    torch.testing.assert_close(predict_rows(model, x), expected.detach(), atol=1e-6, rtol=1e-6)


def test_no_tensor_of_the_pairs_inputs_is_ever_made() -> None:
    """What is largest is the first hidden layer of a block, not its inputs side by side."""
    wide = StackedPairs(4096, None, 50, (8,), [stream(0, 0, "weights")])
    x = torch.zeros(1, 40, 4096)
    largest = 0

    class Watch(torch.utils._python_dispatch.TorchDispatchMode):
        def __torch_dispatch__(self, func, types, args=(), kwargs=None):  # type: ignore[no-untyped-def]
            nonlocal largest
            result = func(*args, **(kwargs or {}))
            if isinstance(result, Tensor):
                largest = max(largest, result.numel())
            return result

    with Watch():
        wide(x, torch.arange(50)[None])
    assert largest <= x.numel() < 40 * 50 * 4096
