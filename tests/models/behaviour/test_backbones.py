"""Networks beside a direct reference in float64: sums over lags, recurrences step by step."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor

from distrib.models.behaviour.backbones import Build, make_backbone, mean_and_sample
from distrib.models.behaviour.segmenter import Heads, Segmenter

N, H, T = 3, 5, 40


def build(backbone: str, **more: object) -> Build:
    return Build(**{"backbone": backbone, "n_hid_layers": 2, "n_hid_units": H, "n_lags": 2, **more})  # type: ignore[arg-type]


def made(what: Build, *sizes: int | None) -> torch.nn.Module:
    torch.manual_seed(0)
    return make_backbone(what, *sizes).double().eval()  # type: ignore[arg-type]


def convolved(x: Tensor, weight: Tensor, bias: Tensor, dilation: int) -> Tensor:
    """(T, C) -> (T, H) by the definition."""
    lags = weight.shape[2] // 2
    out = bias.repeat(len(x), 1)
    for t in range(len(x)):
        for k in range(weight.shape[2]):
            if 0 <= (s := t + (k - lags) * dilation) < len(x):
                out[t] = out[t] + weight[:, :, k] @ x[s]
    return out


def lrelu(x: Tensor) -> Tensor:
    return torch.where(x > 0, x, 0.05 * x)


@pytest.mark.parametrize("decoder", [False, True])
def test_dilated_tcn(decoder: bool) -> None:
    network = made(build("dtcn"), N, 4 if decoder else None)
    x = torch.randn(T, N, dtype=torch.float64)
    h = x
    for block, dilation in zip(network.blocks, (2, 1) if decoder else (1, 2)):  # type: ignore[arg-type]
        f = h
        for place in (0, 3):
            convolution = block.layers[place]
            g = convolution.parametrizations.weight.original0
            v = convolution.parametrizations.weight.original1
            weight = g * v / v.flatten(1).norm(dim=1)[:, None, None]
            f = lrelu(convolved(f, weight, convolution.bias, dilation))
        direct = h
        if h.shape[1] != H:
            direct = convolved(h, block.direct.weight, block.direct.bias, 1)
        h = lrelu(f + direct)
    if decoder:
        h = convolved(h, network.last.weight, network.last.bias, 1)  # type: ignore[arg-type, union-attr]
    torch.testing.assert_close(network(x[None])[0], h)


@pytest.mark.parametrize("layers", [0, 2])
def test_temporal_mlp(layers: int) -> None:
    network = made(build("temporal-mlp", n_hid_layers=layers), N)
    x = torch.randn(T, N, dtype=torch.float64)
    h = convolved(x, network.convolution.weight, network.convolution.bias, 1)  # type: ignore[arg-type, union-attr]
    for place in range(layers):
        linear = network.layers[2 * place + 1]  # type: ignore[index]
        h = lrelu(h) @ linear.weight.T + linear.bias
    torch.testing.assert_close(network(x[None])[0], h)
    decoder = made(build("temporal-mlp", n_hid_layers=layers), H, N)
    assert decoder(torch.zeros(1, T, H, dtype=torch.float64)).shape == (1, T, N)


@pytest.mark.parametrize("backbone", ["lstm", "gru"])
@pytest.mark.parametrize("bidirectional", [False, True])
def test_recurrent(backbone: str, bidirectional: bool) -> None:
    network = made(build(backbone, bidirectional=bidirectional), N)
    cell: object = network.recurrent
    x = torch.randn(T, N, dtype=torch.float64)
    h = x
    for layer in range(2):
        ways = [_recur(cell, f"l{layer}", h, backbone)]
        if bidirectional:
            ways.append(_recur(cell, f"l{layer}_reverse", h.flip(0), backbone).flip(0))
        h = torch.cat(ways, dim=1)
    expected = h @ network.linear.weight.T + network.linear.bias  # type: ignore[operator, union-attr]
    torch.testing.assert_close(network(x[None])[0], expected)


def _recur(cell: object, suffix: str, x: Tensor, kind: str) -> Tensor:
    w, u, b, c = (
        getattr(cell, f"{n}_{suffix}") for n in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
    )
    h, memory, out = torch.zeros(H, dtype=x.dtype), torch.zeros(H, dtype=x.dtype), []
    for t in range(len(x)):
        a, r = (
            (w @ x[t] + b).chunk(4 if kind == "lstm" else 3),
            (u @ h + c).chunk(4 if kind == "lstm" else 3),
        )
        if kind == "lstm":
            i, f, g, o = (p + q for p, q in zip(a, r))
            memory = f.sigmoid() * memory + i.sigmoid() * g.tanh()
            h = o.sigmoid() * memory.tanh()
        else:
            reset, update = (a[0] + r[0]).sigmoid(), (a[1] + r[1]).sigmoid()
            h = (1 - update) * (a[2] + reset * r[2]).tanh() + update * h
        out.append(h)
    return torch.stack(out)


@pytest.mark.parametrize(
    ("what", "pad"),
    [
        (build("dtcn", n_lags=4), 24),
        (build("dtcn", n_lags=1, n_hid_layers=3), 14),
        (build("temporal-mlp", n_lags=7), 7),
        (build("lstm"), 4),
        (build("gru"), 4),
    ],
)
def test_pads(what: Build, pad: int) -> None:
    assert what.pad == pad


@pytest.mark.parametrize("backbone", ["dtcn", "temporal-mlp"])
def test_the_pad_is_all_that_a_convolution_sees(backbone: str) -> None:
    what = build(backbone, n_lags=3)
    network = made(what, N)
    x = torch.randn(1, 100, N, dtype=torch.float64, requires_grad=True)
    network(x)[0, 50].sum().backward()
    seen = torch.nonzero(x.grad[0].abs().sum(1)).flatten()  # type: ignore[index]
    assert seen.min() == 50 - what.pad
    assert seen.max() == 50 + what.pad


def test_heads_are_there_where_they_are_asked_for() -> None:
    x = torch.randn(2, 30 + 2 * 12, N)
    all_of_them = Segmenter(build("dtcn"), Heads(True, True, True, True, True, True), N, 4, 2)
    found = all_of_them(x)
    assert {k: tuple(v.shape) for k, v in found.items()} == {
        "mean": (2, 30, H),
        "logvar": (2, 30, H),
        "pred": (2, 30, N),
        "recon": (2, 30, N),
        "strong": (2, 30, 4),
        "weak": (2, 30, 4),
        "task": (2, 30, 2),
    }
    alone = Segmenter(build("dtcn"), Heads(True, False, False, False, False), N, 4, 0)(x)
    assert set(alone) == {"strong"}


def test_a_draw_has_the_deviation_that_its_variance_says() -> None:
    torch.manual_seed(0)
    mean, logvar = torch.full((200_000,), 2.0), torch.full((200_000,), float(np.log(9.0)))
    drawn = mean_and_sample(mean, logvar, training=True)
    assert drawn.std().item() == pytest.approx(3.0, rel=0.01)
    assert mean_and_sample(mean, logvar, training=False) is mean
