"""What a language model of one chain reads."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from distrib.trainables.antibodies.unknown_letters import UnknownLetters
from distrib.trainables.base import Source


class ChainSource(Source):
    """A file or folder of chains, or the default data: chains simulated by OLGA's tables."""

    chain: Literal["heavy", "light"] = Field("heavy", description="which chain of an antibody")
    column: str | None = Field(None, description="of the amino acids; else the usual names")
    on_unknown: UnknownLetters = Field(
        "x", description="letters outside the twenty: refused, read as X, or their rows left out"
    )
    on_long: Literal["error", "skip"] = Field(
        "error", description="chains longer than `longest`: refused, or left out and counted"
    )
    longest: int = Field(510, ge=10, description="residues of the longest chain that is read")
    stream: bool = Field(
        False, description="read a folder of parquet files as the training goes on, not at once"
    )
    sequences: int = Field(2000, ge=50, description="of the default data: number of chains")
    mutation_rate: float = Field(
        0.05, ge=0, le=0.5, description="of the default data: share of bases substituted"
    )
