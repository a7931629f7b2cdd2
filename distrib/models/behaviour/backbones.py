"""From signals to features of every frame: temporal MLP, dilated TCN, LSTM and GRU.

Axes in the shapes: B sequences, T frames, N inputs, H features, L layers. The dilated TCN is that
of Lea et al. (CVPR 2017) without downsampling, weight-normed and non-causal as in daart; every
backbone keeps the number of frames. Each can be a decoder too: the same build from H features to N
signals.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn.functional import conv2d
from torch.nn.utils.parametrizations import weight_norm

Backbone = Literal["temporal-mlp", "dtcn", "lstm", "gru"]
Activation = Literal["linear", "relu", "lrelu", "sigmoid", "tanh"]

WARM_UP = 4
"""Frames that a recurrent network is given before those that count."""

ACTIVATIONS: dict[str, Callable[[], nn.Module]] = {
    "linear": nn.Identity,
    "relu": nn.ReLU,
    "lrelu": lambda: nn.LeakyReLU(0.05),
    "sigmoid": nn.Sigmoid,
    "tanh": nn.Tanh,
}


@dataclass(frozen=True)
class Build:
    """What a backbone is made of.

    Attributes:
        n_lags: frames on either side that a convolution looks at, before dilation.
        dropout: of whole channels, in the dilated TCN alone. bidirectional: of the recurrent ones.
    """

    backbone: Backbone
    n_hid_layers: int
    n_hid_units: int
    n_lags: int
    activation: Activation = "lrelu"
    dropout: float = 0.1
    bidirectional: bool = True

    @property
    def pad(self) -> int:
        """Frames on either side that a backbone looks at (the recurrent ones: their warm-up)."""
        if self.backbone == "temporal-mlp":
            return self.n_lags
        if self.backbone == "dtcn":
            return 2 * self.n_lags * (2**self.n_hid_layers - 1)
        return WARM_UP


def make_backbone(build: Build, num_inputs: int, num_outputs: int | None = None) -> nn.Module:
    """(B, T, num_inputs) -> (B, T, H), or as a decoder -> (B, T, num_outputs)."""
    if build.backbone == "temporal-mlp":
        return TemporalMLP(build, num_inputs, num_outputs)
    if build.backbone == "dtcn":
        return DilatedTCN(build, num_inputs, num_outputs)
    return Recurrent(build, num_inputs, num_outputs)


class LagConvolution(nn.Conv1d):
    """`Conv1d` over frames whose signals lie side by side in memory, as (B, T, C) has them.

    As a two-dimensional convolution of height 1 in that order it takes two thirds of the time on
    a CPU; its parameters are those of `Conv1d`.
    """

    def forward(self, x: Tensor) -> Tensor:
        image = x[:, :, None].contiguous(memory_format=torch.channels_last)
        padding = (0, int(self.padding[0]))
        return conv2d(
            image,
            self.weight[:, :, None],
            self.bias,
            padding=padding,
            dilation=(1, self.dilation[0]),
        )[:, :, 0]


class TemporalMLP(nn.Module):
    """A convolution over 2 * n_lags + 1 frames, then a perceptron on every frame."""

    def __init__(self, build: Build, num_inputs: int, num_outputs: int | None) -> None:
        super().__init__()
        width = build.n_hid_units
        self.convolution = LagConvolution(
            num_inputs, width, 2 * build.n_lags + 1, padding=build.n_lags
        )
        widths = [width] * build.n_hid_layers + ([] if num_outputs is None else [num_outputs])
        layers: list[nn.Module] = []
        for size in widths:
            layers += [ACTIVATIONS[build.activation](), nn.Linear(width, size)]
        self.layers = nn.Sequential(*layers)

    def forward(self, x: Tensor) -> Tensor:
        features: Tensor = self.layers(self.convolution(x.mT).mT)
        return features


class DilatedTCN(nn.Module):
    """Residual blocks of two convolutions; the i-th dilated by 2^i, as a decoder in reverse."""

    def __init__(self, build: Build, num_inputs: int, num_outputs: int | None) -> None:
        super().__init__()
        dilations = [2**i for i in range(build.n_hid_layers)]
        if num_outputs is not None:
            dilations.reverse()
        sizes = [num_inputs] + [build.n_hid_units] * len(dilations)
        self.blocks = nn.Sequential(
            *(_Block(build, sizes[i], dilation) for i, dilation in enumerate(dilations))
        )
        last = nn.Identity() if num_outputs is None else LagConvolution(sizes[-1], num_outputs, 1)
        self.last: nn.Module = last

    def forward(self, x: Tensor) -> Tensor:
        features: Tensor = self.last(self.blocks(x.mT))
        return features.mT


class _Block(nn.Module):
    """(B, C, T) -> (B, H, T): act(x + f(x)), with f two dilated convolutions."""

    def __init__(self, build: Build, num_inputs: int, dilation: int) -> None:
        super().__init__()
        width = build.n_hid_units
        layers: list[nn.Module] = []
        for size in (num_inputs, width):
            convolution = LagConvolution(
                size,
                width,
                2 * build.n_lags + 1,
                padding=build.n_lags * dilation,
                dilation=dilation,
            )
            layers += [
                weight_norm(convolution),
                ACTIVATIONS[build.activation](),
                nn.Dropout1d(build.dropout),
            ]
        self.layers = nn.Sequential(*layers)
        self.direct: nn.Module = nn.Identity()
        if num_inputs != width:
            self.direct = LagConvolution(num_inputs, width, 1)
        self.activation = ACTIVATIONS[build.activation]()

    def forward(self, x: Tensor) -> Tensor:
        added: Tensor = self.activation(self.layers(x) + self.direct(x))
        return added


class Recurrent(nn.Module):
    """An LSTM or a GRU over the frames, then a linear layer."""

    def __init__(self, build: Build, num_inputs: int, num_outputs: int | None) -> None:
        super().__init__()
        kind = nn.LSTM if build.backbone == "lstm" else nn.GRU
        self.recurrent = kind(
            num_inputs,
            build.n_hid_units,
            num_layers=build.n_hid_layers,
            bidirectional=build.bidirectional,
            batch_first=True,
        )
        width = build.n_hid_units * (2 if build.bidirectional else 1)
        self.linear = nn.Linear(width, num_outputs or build.n_hid_units)

    def forward(self, x: Tensor) -> Tensor:
        features: Tensor = self.linear(self.recurrent(x)[0])
        return features


def central(x: Tensor, pad: int) -> Tensor:
    """(B, T + 2 pad, ...) -> (B, T, ...)."""
    return x[:, pad : x.shape[1] - pad] if pad else x


def mean_and_sample(mean: Tensor, logvar: Tensor, training: bool) -> Tensor:
    """A draw from N(mean, exp(logvar)) in training, else the mean."""
    if not training:
        return mean
    return mean + torch.exp(0.5 * logvar) * torch.randn_like(mean)
