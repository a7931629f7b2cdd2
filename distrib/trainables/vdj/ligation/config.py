"""The hyperparameters of a junction model."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from pydantic import Field, field_validator

from distrib.data.vdj.ligation.model_types import parse_model_type
from distrib.trainables.base import (
    Config,
)

if TYPE_CHECKING:
    pass


PAPER = "motif_two-side-base-count-beyond_average-mh_ligation-mh"


class TrimmingLigationConfig(Config):
    """What the model looks at, and how it is fitted and validated."""

    model_type: str = Field(PAPER, description="what decides trims and ligation, joined by _")
    motif_left: int = Field(1, ge=0, le=6, description="bases of the motif on the kept side")
    motif_right: int = Field(2, ge=0, le=6, description="bases of the motif on the lost side")
    l2: float = Field(
        0.0, ge=0, description="penalty l2 / (2 x options) on the squares of coefficients"
    )
    l2_on: Literal["microhomology", "all"] = Field(
        "microhomology",
        description="which coefficients it is on; all where data separate choices by the others",
    )
    l2_grid: tuple[float, ...] = Field(
        (),
        description="where given, l2 is chosen among these by inner folds of each training: l2.tsv",
    )
    folds: int = Field(5, ge=2, description="folds; at most one for each group of gene pairs")
    fold_seed: int = Field(0, ge=0, description="seed of the folds, the same for all trials")
    unidentifiable: str = Field(
        "error",
        pattern="^(error|drop)$",
        description="features that others determine: an error, or left out with a note",
    )
    tolerance: float = Field(1e-9, gt=0, description="of the gradient's norm, where a fit ends")
    max_iterations: int = Field(1000, ge=1, description="where a fit ends otherwise")

    @field_validator("model_type")
    @classmethod
    def _known(cls, value: str) -> str:
        parse_model_type(value)
        return value
