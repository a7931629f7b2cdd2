"""The hyperparameters of a latent-embedding linear model."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from pydantic import Field

from distrib.trainables.screens.base import (
    ScreenConfig,
)

if TYPE_CHECKING:
    pass


class LelConfig(ScreenConfig):
    """What embeds genes and perturbations, and how the map between them is shrunk."""

    gene_side: Literal["embedding", "pca", "identity"] = Field(
        "pca",
        description="what embeds a gene: its own embedding, the principal components of its "
        "responses, or nothing, each gene by itself",
    )
    perturbation_side: Literal["embedding", "pca"] = Field(
        "embedding",
        description="what embeds a perturbation: its own embedding, or that of its gene among the "
        "principal components (the mean is predicted where that gene is not read out)",
    )
    components: int = Field(
        10, ge=0, description="dimensions of either side, by principal components; 0: all"
    )
    scaling: Literal["none", "standard", "unit"] = Field(
        "standard",
        description="of embeddings: none; each dimension to mean 0 and variance 1; all by one "
        "number, to a squared length of 1 on average",
    )
    centre: bool = Field(
        True,
        description="take the training rows' mean from perturbations, so that the mean one is "
        "predicted the mean response",
    )
    penalty: Literal["two-sided", "ridge"] = Field(
        "two-sided", description="what is shrunk: either side of the map, or the map itself"
    )
    gene_penalty: float | None = Field(
        None, ge=0, description="of the gene side; none: chosen on inner folds"
    )
    perturbation_penalty: float | None = Field(
        None, ge=0, description="of the perturbation side, or of the ridge; none: chosen"
    )
    grid: int = Field(32, ge=2, le=512, description="values tried of each penalty to be chosen")
