"""Which rows of a block are kept, why others are not, and how both are counted."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pandas as pd

# What the counts of rows begin with; all but the first two go on with `: ` and what it is.
READ, KEPT, DROPPED, NAMED, ASSUMED = "read", "kept", "dropped", "named", "assumed"
TOLD = "told"  # how a file was understood

NO_FRAME = "a gene whose reading frame is unknown"  # a reason that has a remedy


class Sieve:
    """Drops rows, each for the first reason that there is.

    Attributes:
        reason: (rows,) object, why a row is dropped, empty where it is kept.
    """

    def __init__(self, rows: int) -> None:
        self.reason = np.full(rows, "", object)

    @property
    def kept(self) -> np.ndarray:
        """(rows,) bool."""
        return self.reason == ""

    def drop(self, wrong: np.ndarray | pd.Series, reason: str) -> None:
        """Drop the rows that are wrong, unless something else dropped them."""
        self.reason[np.asarray(wrong, bool) & self.kept] = reason

    def counts(self) -> dict[str, int]:
        """Rows read, kept and dropped by reason, which add up."""
        dropped = Counter(self.reason[~self.kept].tolist())
        return {
            READ: len(self.reason),
            KEPT: int(self.kept.sum()),
            **{f"{DROPPED}: {why}": rows for why, rows in dropped.items()},
        }
