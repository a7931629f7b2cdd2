"""The hyperparameters of boosted trees."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from distrib.trainables.screens.base import ScreenConfig


class XgboostConfig(ScreenConfig):
    """The trees, how they grow and when they stop."""

    forests: Literal["gene", "vector"] = Field(
        "gene",
        description="one tree per gene and round, or multi-output trees (a leaf holds all genes)",
    )
    sketch: int = Field(
        16,
        ge=0,
        description="random projections of the gradients that split vector trees; 0: all genes",
    )
    max_depth: int = Field(3, ge=1, le=16, description="maximum depth of a tree")
    learning_rate: float = Field(
        0.1, gt=0, le=1, description="learning rate (eta): shrinkage of each tree"
    )
    min_child_weight: float = Field(2.0, ge=0, description="minimum number of rows in a leaf")
    subsample: float = Field(1.0, gt=0, le=1, description="fraction of the rows sampled per round")
    colsample: float = Field(
        0.5, gt=0, le=1, description="fraction of the features sampled per tree"
    )
    l2: float = Field(1.0, ge=0, description="L2 penalty on leaf values (lambda)")
    max_bin: int = Field(32, ge=2, le=1024, description="histogram bins per feature")
    rounds: int = Field(200, ge=1, description="maximum number of boosting rounds")
    patience: int = Field(
        10,
        ge=0,
        description="early stopping, per gene: rounds without a better inner validation; 0: off",
    )
    stop_fraction: float = Field(
        0.15,
        gt=0,
        lt=0.9,
        description="fraction of the training groups that early stopping validates on",
    )
