"""What a network is judged by, each figure with its standard error."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from distrib.trainables.antibodies.sensitivity import sensitivity

Z = 1.959963984540054
"""Of a 95% interval of a normal distribution."""


@dataclass(frozen=True)
class Judged:
    """Row by row.

    Attributes:
        nats, tokens: (rows,) of light chains, their ends included. shuffled: (rows,) nats beside
            the heavy chain of another pair; None: not asked. groups: (rows,) integers: rows of one
            are no independent ones.
        cells: sums of `chains.scores`, all rows together.
        compared: name -> (samples,) of light chains that were drawn.
    """

    nats: np.ndarray
    tokens: np.ndarray
    groups: np.ndarray
    shuffled: np.ndarray | None = None
    cells: Mapping[str, np.ndarray] = field(default_factory=dict)
    compared: Mapping[str, np.ndarray] = field(default_factory=dict)

    def errors(self) -> dict[str, tuple[float, float]]:
        """Name -> value and standard error: loss, `pairing_gap`, and what was compared.

        Losses are ratios of sums over rows, rows of one group added up first (`sensitivity`).
        """
        nothing = np.zeros_like(self.nats)
        found = {"loss": sensitivity(nothing, self.nats, self.tokens, self.groups)}
        if self.shuffled is not None:
            found["pairing_gap"] = sensitivity(self.nats, self.shuffled, self.tokens, self.groups)
        for name, values in self.compared.items():
            error = values.std(ddof=1) / math.sqrt(len(values)) if len(values) > 1 else math.nan
            found[name] = float(values.mean()), float(error)
        return found

    def intervals(self) -> dict[str, tuple[float, float]]:
        """The 95% intervals by the standard errors; shares stay within 0 and 1."""
        found = {}
        for name, (value, error) in self.errors().items():
            if not math.isfinite(error):
                continue
            low, high = value - Z * error, value + Z * error
            if name.endswith(("agreement", "similarity")):
                low, high = max(low, 0.0), min(high, 1.0)
            found[name] = low, high
        if "loss" in found:
            low, high = found["loss"]
            found["perplexity"] = math.exp(min(low, 700.0)), math.exp(min(high, 700.0))
        return found
