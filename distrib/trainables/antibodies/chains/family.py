"""What families share that learn from one chain a row, in arrays or of a stream."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

import numpy as np

from distrib.data.antibodies.chain_rows import ChainRows
from distrib.data.streams.parquet_set import ParquetSet
from distrib.errors import DataError, InputError
from distrib.trainables.antibodies.chains.reading import (
    never_parted,
    open_stream,
    read_rows,
    table_rows,
)
from distrib.trainables.antibodies.chains.source import ChainSource
from distrib.trainables.base import Config
from distrib.trainables.extras import require
from distrib.trainables.training.family import TorchTrainable
from distrib.trainables.training.parts import is_empty, parted

C = TypeVar("C", bound=Config)
S = TypeVar("S", bound=ChainSource)

Data = ChainRows | ParquetSet
"""Chains in arrays, or the plan of a stream of them."""


class ChainTrainable(TorchTrainable[C, S, Data]):
    """A network of `transformers` on chains; its configuration has a `context` in tokens."""

    def load(self, source: S, *, targets: bool = True) -> Data:
        """The chains of a file or folder, or the plan of a stream; without one, simulated ones."""
        require("antibodies", "transformers")
        return open_stream(source) if source.stream else read_rows(source)

    def values(self, config: C, data: Data) -> dict[str, Any]:
        """Whether the chains trained on are simulated."""
        return {"simulated": isinstance(data, ChainRows) and data.simulated}

    def lengths(self, config: C, data: Data) -> np.ndarray:
        assert isinstance(data, ChainRows)
        return data.lengths + 2

    def row_ids(self, data: Data) -> np.ndarray:
        """Of chains in memory; those of a stream are too many to be remembered."""
        return data.ids if isinstance(data, ChainRows) else np.empty(0, dtype=str)

    def split(self, config: C, data: Data) -> tuple[Data, Data]:
        """As the data say, else a share of the clusters; of a stream by their hash."""
        settings: Any = config
        by = never_parted(data) if isinstance(data, ParquetSet) else None
        return parted(data, "validation", settings.held_out, settings.split_seed, by)

    def set_aside(self, data: Data, fraction: float, seed: int) -> tuple[Data, Data | None]:
        """The same for the test part."""
        by = never_parted(data) if isinstance(data, ParquetSet) else None
        rest, test = parted(data, "test", fraction, seed, by)
        return (data, None) if is_empty(test) else (rest, test)

    def check_rows(self, config: C, data: Data, values: Mapping[str, Any] | None = None) -> None:
        """No chain in memory is longer than the context; those of a stream are asked later."""
        if isinstance(data, ChainRows):
            refuse_long(config, data, InputError)

    def rows_of_batch(self, config: C, values: Mapping[str, Any], rows: Any) -> ChainRows:
        """Rows of arrays as they are; those of a stream encoded and checked."""
        if isinstance(rows, ChainRows):
            return rows
        found = table_rows(rows, self.Source().chain)  # type: ignore[attr-defined]
        refuse_long(config, found, DataError)
        return found


def refuse_long(config: Config, rows: ChainRows, error: type[InputError]) -> None:
    """Raise where a chain with its two special tokens is longer than `config.context`."""
    settings: Any = config
    lengths = rows.lengths
    if len(over := np.flatnonzero(lengths + 2 > settings.context)):
        most = settings.context - 2
        raise error(
            "a chain longer than the model's context",
            where=f"chain {rows.ids[over[0]]}",
            found=f"{lengths[over[0]]} residues ({len(over):,} such chains)",
            expected=f"at most {most}",
            hint=f"--set context=..., or data.on_long=skip with data.longest={most}",
        )
