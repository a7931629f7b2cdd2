"""The hyperparameters of a junction model."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, field_validator

from distrib.data.vdj.ligation.model_types import parse_model_type
from distrib.trainables.base import Config

PAPER = "motif_two-side-base-count-beyond_average-mh_ligation-mh"


class TrimmingLigationConfig(Config):
    """What the model looks at, and how it is fitted and validated."""

    model_type: str = Field(PAPER, description="features of trimming and ligation, joined by _")
    motif_left: int = Field(1, ge=0, le=6, description="bases of the motif on the kept side")
    motif_right: int = Field(2, ge=0, le=6, description="bases of the motif on the lost side")
    l2: float = Field(
        0.0, ge=0, description="L2 penalty: l2 / (2 x options) on squared coefficients"
    )
    l2_on: Literal["microhomology", "all"] = Field(
        "microhomology",
        description="which coefficients it is on; all where data separate choices by the others",
    )
    l2_grid: tuple[float, ...] = Field(
        (),
        description="values of l2 that inner cross-validation chooses among (l2.tsv); empty: l2",
    )
    folds: int = Field(
        5, ge=2, description="folds of the cross-validation; at most one per group of gene pairs"
    )
    fold_seed: int = Field(0, ge=0, description="seed of the folds, the same for all trials")
    unidentifiable: Literal["error", "drop"] = Field(
        "error",
        description="linearly dependent features: an error, or dropped with a note",
    )
    tolerance: float = Field(1e-9, gt=0, description="gradient norm at which a fit has converged")
    max_iterations: int = Field(1000, ge=1, description="maximum number of iterations of a fit")

    @field_validator("model_type")
    @classmethod
    def _known(cls, value: str) -> str:
        parse_model_type(value)
        return value
