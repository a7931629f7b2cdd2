"""What a network is judged by, each figure with its standard error."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from distrib.trainables.antibodies.sensitivity import sensitivity

Z = 1.959963984540054
"""Of a 95% interval of a normal distribution."""
SHARES = ("locus_agreement", "v_gene_agreement", "ended")
"""Of what is right or not: a mean of zeros and ones."""


def wilson(share: float, num: int) -> tuple[float, float]:
    """The 95% interval of a share of so many."""
    middle, weight = share + Z**2 / (2 * num), 1 + Z**2 / num
    half = Z * math.sqrt(share * (1 - share) / num + Z**2 / (4 * num**2))
    low, high = (middle - half) / weight, (middle + half) / weight
    return (low if share > 0 else 0.0), (high if share < 1 else 1.0)  # exact where rounding is not


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
        """The 95% intervals, by the standard errors; of how many are right by Wilson (1927)."""
        found = {}
        for name, (value, error) in self.errors().items():
            if not math.isfinite(error):
                continue
            low, high = value - Z * error, value + Z * error
            if name.endswith("similarity"):
                low, high = max(low, 0.0), min(high, 1.0)
            elif name in SHARES:
                low, high = wilson(value, len(self.compared[name]))
            found[name] = low, high
        if "loss" in found:
            low, high = found["loss"]
            found["perplexity"] = math.exp(min(low, 700.0)), math.exp(min(high, 700.0))
        return found
