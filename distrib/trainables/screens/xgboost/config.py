"""The hyperparameters of boosted trees."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from pydantic import Field

from distrib.trainables.screens.base import (
    ScreenConfig,
)

if TYPE_CHECKING:
    pass


class XgboostConfig(ScreenConfig):
    """The trees, how they grow and when they stop."""

    forests: Literal["gene", "vector"] = Field(
        "gene", description="a tree per gene and round, or one whose leaves hold all genes"
    )
    sketch: int = Field(
        16, ge=0, description="random projections by which vector trees are split; 0: all genes"
    )
    max_depth: int = Field(3, ge=1, le=16, description="splits from root to leaf")
    learning_rate: float = Field(0.1, gt=0, le=1, description="part of each tree that is added")
    min_child_weight: float = Field(2.0, ge=0, description="fewest rows of a leaf")
    subsample: float = Field(1.0, gt=0, le=1, description="share of the rows of each round")
    colsample: float = Field(0.5, gt=0, le=1, description="share of the inputs of each tree")
    l2: float = Field(1.0, ge=0, description="penalty on the leaves' values")
    max_bin: int = Field(32, ge=2, le=1024, description="quantiles by which an input is split")
    rounds: int = Field(200, ge=1, description="most trees of a gene")
    patience: int = Field(
        10,
        ge=0,
        description="rounds without a better inner score after which a gene stops; 0: never",
    )
    stop_fraction: float = Field(
        0.15, gt=0, lt=0.9, description="share of the training groups set aside to stop by"
    )
