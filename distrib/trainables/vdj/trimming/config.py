"""The hyperparameters of the trimming model, and what it reads."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from distrib.data.vdj.trimming.cut_features import FeatureSet
from distrib.data.vdj.trimming.weights import Weighting
from distrib.trainables.base import Config, Source


class TrimmingConfig(Config):
    """What the model looks at, and how it is fitted and validated."""

    feature_set: FeatureSet = Field(
        "motif_two-side-base-count-beyond", description="the sequence features of a trim"
    )
    motif_left: int = Field(1, ge=0, le=6, description="bases of the motif on the kept side")
    motif_right: int = Field(2, ge=0, le=6, description="bases of the motif on the lost side")
    l2: float = Field(
        0.0, ge=0, description="L2 penalty: l2 / (2 x genes x trims) on all squared coefficients"
    )
    folds: int = Field(
        10, ge=2, description="folds of the cross-validation; at most one per group of genes"
    )
    fold_seed: int = Field(0, ge=0, description="seed of the folds, the same for all trials")


class TrimmingSource(Source):
    """Trimming data: the user's own, or the marginals of an OLGA model."""

    species: Literal["human", "mouse"] = Field("human", description="species of OLGA's model")
    chain: str = Field("TRB", description="chain of OLGA's model: TRA, TRB, IGH, IGK or IGL")
    gene_end: Literal["v", "j"] = Field("v", description="V genes' 3' ends or J genes' 5' ends")
    trim_min: int = Field(2, ge=-2, description="least trim; -2 keeps two P-nucleotides")
    trim_max: int = Field(14, le=40, description="largest trim")
    subject: str | None = Field(None, description="only this subject of a prepared folder")
    weighting: Weighting = Field("pooled", description="weights of rows in a prepared folder")
