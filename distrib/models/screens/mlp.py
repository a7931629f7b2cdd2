"""A multilayer perceptron d -> hidden... -> G, many of them stacked and run as one.

Axes in the shapes: F folds (stacked models), B rows of a batch, d inputs, H hidden, G columns.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional

Activation = Literal["relu", "gelu", "silu", "tanh"]
Norm = Literal["none", "batch", "layer"]
Loss = Literal["mse", "cross_entropy"]

ACTIVATIONS: dict[str, Callable[[Tensor], Tensor]] = {
    "relu": torch.relu,
    "gelu": functional.gelu,
    "silu": functional.silu,
    "tanh": torch.tanh,
}


class StackedNorm(nn.Module):
    """Batch or layer normalisation of F models at once, (F, B, H) -> (F, B, H).

    The gain is kept as its distance from 1, so that weight decay pulls it to 1.
    Running statistics of batch normalisation use the biased variance and a momentum of 0.1.
    """

    running_mean: Tensor
    running_variance: Tensor

    def __init__(self, folds: int, width: int, kind: Literal["batch", "layer"]) -> None:
        super().__init__()
        self.kind = kind
        self.gain = nn.Parameter(torch.zeros(folds, 1, width))
        self.shift = nn.Parameter(torch.zeros(folds, 1, width))
        if kind == "batch":
            self.register_buffer("running_mean", torch.zeros(folds, 1, width))
            self.register_buffer("running_variance", torch.ones(folds, 1, width))

    def forward(self, x: Tensor, weight: Tensor | None) -> Tensor:
        if self.kind == "layer":
            x = functional.layer_norm(x, x.shape[-1:])
        else:
            mean, variance = self.statistics(x, weight)
            x = (x - mean) * torch.rsqrt(variance + 1e-5)
        return torch.addcmul(self.shift + x, x, self.gain)

    def statistics(self, x: Tensor, weight: Tensor | None) -> tuple[Tensor, Tensor]:
        """Mean and variance (F, 1, H): of this batch in training, else the running ones."""
        if weight is None:
            return self.running_mean, self.running_variance
        mean = weight.mT @ x
        variance = weight.mT @ (x - mean).square()
        with torch.no_grad():
            self.running_mean.lerp_(mean.to(self.running_mean.dtype), 0.1)
            self.running_variance.lerp_(variance.to(self.running_variance.dtype), 0.1)
        return mean, variance


class StackedMLP(nn.Module):
    """F perceptrons of one shape, each with its own weights and standardisation.

    Args:
        sizes: (d, H, ..., G). generators: one a fold; its weights come from it alone.
        loss: "mse": the output is a profile in units of the training targets' spread around their
            mean; "cross_entropy": logits beside those of the mean profile.
    """

    input_mean: Tensor
    input_scale: Tensor
    target_mean: Tensor
    target_scale: Tensor

    def __init__(
        self,
        sizes: Sequence[int],
        generators: Sequence[torch.Generator],
        *,
        activation: Activation = "relu",
        norm: Norm = "none",
        loss: Loss = "mse",
    ) -> None:
        super().__init__()
        folds = len(generators)
        self.activation = ACTIVATIONS[activation]
        self.loss = loss
        self.weights = nn.ParameterList()
        self.biases = nn.ParameterList()
        self.norms = nn.ModuleList()
        for i, (fan_in, fan_out) in enumerate(pairwise(sizes)):
            weight = torch.empty(folds, fan_in, fan_out)
            for part, generator in zip(weight, generators):
                part.uniform_(-1, 1, generator=generator)
            self.weights.append(nn.Parameter(weight / math.sqrt(fan_in)))
            normed = norm != "none" and i < len(sizes) - 2
            # Batch normalisation takes a bias out again: its gradient would be rounding alone,
            # which Adam blows up to whole steps.
            bias = nn.Parameter(torch.zeros(folds, 1, fan_out))
            self.biases.append(bias.requires_grad_(not (normed and norm == "batch")))
            if norm != "none" and normed:
                self.norms.append(StackedNorm(folds, fan_out, norm))
        d, G = sizes[0], sizes[-1]
        self.register_buffer("input_mean", torch.zeros(folds, 1, d))
        self.register_buffer("input_scale", torch.ones(folds, 1, d))
        self.register_buffer("target_mean", torch.zeros(folds, 1, G))
        self.register_buffer("target_scale", torch.ones(folds, 1, 1))

    def standardise(self, x: Tensor) -> Tensor:
        """(..., F, B, d) raw inputs -> the same in units of the training rows' spread."""
        return (x - self.input_mean) / self.input_scale

    def forward(
        self, x: Tensor, masks: Sequence[Tensor] = (), weight: Tensor | None = None
    ) -> Tensor:
        """Standardised inputs (F, B, d) -> (F, B, G), before `profile`.

        Args:
            masks: dropout masks (F, B, H), one a hidden layer, scaled to a mean of 1; none where
                nothing is dropped. weight: (F, B, 1), summing to 1 over the batch, with 0 for
                padding; given in training only, for the statistics of batch normalisation.
        """
        last = len(self.weights) - 1
        for i, (w, b) in enumerate(zip(self.weights, self.biases)):
            x = torch.baddbmm(b, x, w)
            if i == last:
                break
            if self.norms:
                x = self.norms[i](x, weight)
            x = self.activation(x)
            if masks:
                x = x * masks[i]
        return x

    def profile(self, output: Tensor) -> Tensor:
        """What `forward` gives -> predicted targets (F, B, G): values, or probabilities."""
        if self.loss == "mse":
            return torch.addcmul(self.target_mean, output, self.target_scale)
        return torch.softmax(output + self.prior(), dim=-1)

    def prior(self) -> Tensor:
        """(F, 1, G) logits of the mean profile; a column without mass has a millionth."""
        return self.target_mean.clamp(min=1e-6).log()

    def losses(
        self, output: Tensor, targets: Tensor, weight: Tensor, measured: Tensor | None
    ) -> Tensor:
        """Weighted sums of the loss, (F,).

        Args:
            output: (F, B, G). targets: the same; 0 where not measured.
            weight: (F, B, G) or (F, B, 1) per entry for "mse"; (F, B, 1) per row for
                "cross_entropy". measured: (F, B, G), or None where everything is.

        Squared errors are in units of the training targets' variance. The cross-entropy of a row
        is that of its measured columns, predicted and observed renormalised over them.
        """
        if self.loss == "mse":
            error = output - (targets - self.target_mean) / self.target_scale
            return (error.square() * weight).sum(dim=(1, 2))
        logits = (output + self.prior()).float()
        if measured is not None:
            logits = logits.masked_fill(~measured, -1e9)
            targets = targets / targets.sum(dim=-1, keepdim=True).clamp(min=1e-9)
        return -(torch.log_softmax(logits, dim=-1) * targets * weight).sum(dim=(1, 2))
