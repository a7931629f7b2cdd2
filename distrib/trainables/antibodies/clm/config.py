"""The hyperparameters of a causal language model, what it reads, and what may be asked of it."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from distrib.trainables.antibodies.chains.config import ChainConfig
from distrib.trainables.antibodies.chains.drawing import DrawOptions
from distrib.trainables.antibodies.chains.source import ChainSource
from distrib.trainables.capabilities import GenerateOptions
from distrib.trainables.training.config import Initialized, TorchConfig


class ClmConfig(Initialized, ChainConfig):
    """The network, how chains are laid into rows, and how it is trained."""

    packed: bool = Field(
        False,
        description="training chains laid end to end in blocks of `context` tokens, cut where a "
        "block ends; false: a chain a row",
    )
    samples: int = Field(50, ge=0, description="chains drawn each epoch to be looked at; 0: none")

    learning_rate: float = TorchConfig.default("learning_rate", 4e-3)


class ClmSource(ChainSource):
    """Chains to learn from: light ones unless `chain` says otherwise."""

    chain: Literal["heavy", "light"] = Field("light", description="which chain of an antibody")


class ClmGenerate(DrawOptions, GenerateOptions):
    """How chains are drawn."""
