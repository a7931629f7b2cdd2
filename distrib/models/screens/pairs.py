"""A perceptron on pairs of a perturbation and a gene, whose pairs are never written out.

f([e_p; e_g]) of a first layer W = [W_p; W_g] begins with W_p' e_p + W_g' e_g + b: two small
products instead of one for every pair. A block of rows by a block of genes is one batch, and all
folds of a cross-validation are stacked in one model.

Axes in the shapes: F folds, p rows and g genes of a block, d and e their inputs, H hidden, M genes.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn

from distrib.models.screens.mlp import ACTIVATIONS, Activation

PAIRS_AT_ONCE = 2**15
"""Of each fold, where predictions are streamed."""


class StackedPairs(nn.Module):
    """F perceptrons of one shape, (d + e) -> hidden... -> 1.

    Its output is in units of the training targets' spread around each gene's mean.

    Args:
        num_inputs: d. genes: (M, e) standardised embeddings, or None: each gene learns its own.
        num_genes: M. hidden: widths. generators: one a fold; its weights come from it alone.
    """

    genes: Tensor | None
    input_mean: Tensor
    input_scale: Tensor
    target_mean: Tensor
    target_scale: Tensor

    def __init__(
        self,
        num_inputs: int,
        genes: Tensor | None,
        num_genes: int,
        hidden: Sequence[int],
        generators: Sequence[torch.Generator],
        *,
        activation: Activation = "relu",
    ) -> None:
        super().__init__()
        folds = len(generators)
        self.activation = ACTIVATIONS[activation]
        width = num_genes if genes is None else genes.shape[1]
        # One of a learned gene's inputs is 1, so that it adds a weight as large as an input's.
        fan_in = num_inputs + (1 if genes is None else width)

        def weight(rows: int, columns: int, fan_in: int) -> nn.Parameter:
            drawn = torch.empty(folds, rows, columns)
            for part, generator in zip(drawn, generators):
                part.uniform_(-1, 1, generator=generator)
            return nn.Parameter(drawn / math.sqrt(fan_in))

        self.row_weight = weight(num_inputs, hidden[0], fan_in)
        self.gene_weight = weight(width, hidden[0], fan_in)
        self.biases = nn.ParameterList(
            nn.Parameter(torch.zeros(folds, 1, columns)) for columns in (*hidden, 1)
        )
        self.weights = nn.ParameterList(
            weight(rows, columns, rows) for rows, columns in pairwise((*hidden, 1))
        )
        self.register_buffer("genes", genes)
        self.register_buffer("input_mean", torch.zeros(folds, 1, num_inputs))
        self.register_buffer("input_scale", torch.ones(folds, 1, num_inputs))
        self.register_buffer("target_mean", torch.zeros(folds, 1, num_genes))
        self.register_buffer("target_scale", torch.ones(folds, 1, 1))

    def standardise(self, x: Tensor) -> Tensor:
        """(F, p, d) raw inputs -> the same in units of the training rows' spread."""
        return (x - self.input_mean) / self.input_scale

    def forward(self, x: Tensor, genes: Tensor, masks: Sequence[Tensor] = ()) -> Tensor:
        """Standardised inputs (F, p, d) and genes (F, g), by number -> (F, p, g).

        Args:
            masks: dropout masks (F, p * g, H), one a hidden layer, scaled to a mean of 1.
        """
        folds, rows = x.shape[:2]
        of_rows = x @ self.row_weight
        of_genes = self._of_genes(genes) + self.biases[0]
        h = (of_rows[:, :, None] + of_genes[:, None]).view(folds, rows * genes.shape[1], -1)
        for i, (w, b) in enumerate(zip(self.weights, list(self.biases)[1:])):
            h = self.activation(h)
            if masks:
                h = h * masks[i]
            h = torch.baddbmm(b, h, w)
        return h.view(folds, rows, -1)

    def _of_genes(self, genes: Tensor) -> Tensor:
        """(F, g, H) what the first layer makes of these genes."""
        if self.genes is None:
            index = genes[..., None].expand(-1, -1, self.gene_weight.shape[-1])
            return torch.gather(self.gene_weight, 1, index)
        return self.genes[genes] @ self.gene_weight

    def profile(self, output: Tensor, genes: Tensor) -> Tensor:
        """What `forward` gives for genes (F, g) -> predicted targets (F, p, g)."""
        mean = torch.gather(self.target_mean, 2, genes[:, None])
        return torch.addcmul(mean, output, self.target_scale)


@torch.inference_mode()
def predict_rows(model: StackedPairs, x: Tensor) -> Tensor:
    """(F, n, d) raw inputs -> (F, n, M) predictions of every gene, a block of pairs at a time."""
    folds, rows = x.shape[:2]
    num_genes = model.target_mean.shape[-1]
    predicted = torch.empty(folds, rows, num_genes, device=x.device)
    width = min(num_genes, PAIRS_AT_ONCE)
    height = max(1, PAIRS_AT_ONCE // width)
    for top in range(0, rows, height):
        part = model.standardise(x[:, top : top + height])
        for left in range(0, num_genes, width):
            genes = torch.arange(left, min(left + width, num_genes), device=x.device)
            genes = genes.expand(folds, -1)
            output = model(part, genes).float()
            predicted[:, top : top + height, left : left + width] = model.profile(output, genes)
    return predicted
