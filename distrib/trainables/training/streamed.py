"""Torch families on the rows of Parquet files."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, TypeVar

from pydantic import Field

from distrib.data.streams.parquet_set import ParquetSet, open_set
from distrib.trainables.base import Config, Source
from distrib.trainables.training.family import TorchTrainable


class StreamConfig(Config):
    """How long is trained, and on what is validated."""

    epochs: int = Field(4, ge=1, description="passes over the rows")
    held_out: float = Field(0.25, gt=0, lt=1, description="share of the rows validated on")
    split_seed: int = Field(0, ge=0, description="which rows those are, the same for all trials")


C = TypeVar("C", bound=Config)


class StreamTrainable(TorchTrainable[C, Source, ParquetSet]):
    """A family that trains on streamed rows.

    Attributes:
        inputs, targets: names of the columns that are read.
    """

    inputs: ClassVar[Sequence[str]]
    targets: ClassVar[Sequence[str]]

    def load(self, source: Source, *, targets: bool = True) -> ParquetSet:
        """The plan of a folder of Parquet files; no row is read."""
        columns = [*self.inputs, *(self.targets if targets else ())]
        return open_set(str(source.path), list(columns))
