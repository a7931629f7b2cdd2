"""The hyperparameters of a latent-embedding linear model."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from distrib.trainables.screens.base import ScreenConfig


class LelConfig(ScreenConfig):
    """What embeds genes and perturbations, and how the map between them is shrunk."""

    gene_side: Literal["embedding", "pca", "identity"] = Field(
        "pca",
        description="gene embedding: the one given, principal components of the responses, or "
        "none (a coefficient per gene)",
    )
    perturbation_side: Literal["embedding", "pca"] = Field(
        "embedding",
        description="perturbation embedding: the one given, or the principal components of its "
        "gene (where that gene is not read out, the mean is predicted)",
    )
    components: int = Field(
        10, ge=0, description="number of principal components on either side; 0: all"
    )
    scaling: Literal["none", "standard", "unit"] = Field(
        "standard",
        description="scaling of embeddings: none; each dimension to mean 0 and variance 1; or all "
        "by one factor, to a mean squared norm of 1",
    )
    centre: bool = Field(
        True,
        description="centre perturbation embeddings on the training rows, so that the mean "
        "embedding predicts the mean response",
    )
    penalty: Literal["two-sided", "ridge"] = Field(
        "two-sided", description="L2 penalty on each side of the map, or ridge on the map itself"
    )
    gene_penalty: float | None = Field(
        None,
        ge=0,
        description="L2 penalty of the gene side; none: chosen by inner cross-validation",
    )
    perturbation_penalty: float | None = Field(
        None,
        ge=0,
        description="L2 penalty of the perturbation side, or of ridge; none: chosen likewise",
    )
    grid: int = Field(32, ge=2, le=512, description="grid size of each penalty that is chosen")
