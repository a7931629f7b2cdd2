"""The hyperparameters of the trees; defaults are those of daart's companion."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from distrib.trainables.base import Config
from distrib.trainables.behaviour.config import Sequences


class TreesConfig(Sequences, Config):
    """The trees, what they see, and the validation, which is that of the networks."""

    model_class: Literal["random-forest", "xgboost"] = Field(
        "random-forest", description="independent trees, or boosted ones"
    )
    rounds: int = Field(20, ge=1, description="times that trees are added and judged")
    trees_per_round: int = Field(
        100, ge=1, description="trees that a round adds; of XGBoost its own rounds, a tree a class"
    )
    n_lags: int = Field(4, ge=0, le=64, description="frames on either side that are looked at")
    min_samples_leaf: int = Field(1, ge=1, description="least frames of a leaf (random-forest)")
    max_depth: int = Field(3, ge=1, le=32, description="depth of a tree (xgboost)")
    learning_rate: float = Field(0.1, gt=0, le=1, description="share of a tree added (xgboost)")
    subsample: float = Field(0.8, gt=0, le=1, description="share of the frames a tree (xgboost)")
    colsample: float = Field(0.8, gt=0, le=1, description="share of the inputs a tree (xgboost)")
    gamma: float = Field(1.0, ge=0, description="least gain of a split (xgboost)")
    min_child_weight: float = Field(1.0, ge=0, description="least weight of a leaf (xgboost)")
