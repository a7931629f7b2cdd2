"""The hyperparameters of a masked language model, and what it reads."""

from __future__ import annotations

from pydantic import Field

from distrib.trainables.antibodies.chains.config import ChainConfig
from distrib.trainables.antibodies.chains.source import ChainSource
from distrib.trainables.training.config import TorchConfig


class MlmConfig(ChainConfig):
    """The network, what is masked, and how it is trained."""

    context: int = ChainConfig.default("context", 512)

    mask_share: float = Field(
        0.15, gt=0, le=0.5, description="fraction of residues that are masked"
    )
    mean_span: float = Field(
        1.0, ge=1, le=5, description="mean length of masked spans; 1: single residues"
    )
    cdr3_weight: float = Field(
        1.0, ge=0.1, le=10, description="masking rate of CDR3 residues, relative to the others"
    )
    focal_gamma: float = Field(
        0.0, ge=0, le=5, description="gamma of the focal loss; 0: cross-entropy"
    )

    learning_rate: float = TorchConfig.default("learning_rate", 2e-3)


class MlmSource(ChainSource):
    """Chains to learn from: heavy ones unless `chain` says otherwise."""
