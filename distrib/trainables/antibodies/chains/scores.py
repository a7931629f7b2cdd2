"""How well residues are guessed: in all, by region, and on germline and mutated ones."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np

from distrib.data.antibodies.chain_rows import NUM_CELLS, NUM_KINDS, NUM_STATES, STATES
from distrib.data.antibodies.regions import CDR1, CDR2, CDR3, FRAMEWORK, KINDS
from distrib.trainables.base import Metric

_TOGETHER = {"framework": [FRAMEWORK], "cdr1_2": [CDR1, CDR2], "cdr3": [CDR3]}
"""Regions by which published models tell germline and mutated residues apart (AbLang-2)."""

BY_REGION = tuple(
    Metric(f"perplexity_{kind}", "min", f"the same of {told} residues")
    for kind, told in zip(KINDS, ("framework", "CDR1", "CDR2", "CDR3"))
)
"""Metrics to name beside the whole; of chains whose regions cannot be told they are missing."""

BY_STATE = tuple(
    Metric(f"perplexity_{state}", "min", f"the same of {told} residues")
    for state, told in zip(STATES, ("germline", "mutated"))
)
"""The same, of chains whose germline is given with them."""

Sums = Mapping[str, np.ndarray]
"""`nats`, `right` and `count` of what was to be guessed: (cells,) each."""


def figures(sums: Sums) -> dict[str, float]:
    """Loss in nats, perplexity and accuracy; those of parts that have no residue are left out."""
    table = {name: np.asarray(sums[name], float).reshape(NUM_KINDS, NUM_STATES) for name in sums}
    found: dict[str, float] = {}
    _add(found, "", {name: values.sum() for name, values in table.items()})
    for number, kind in enumerate(KINDS):
        _add(found, f"_{kind}", {name: values[number].sum() for name, values in table.items()})
    for number, state in enumerate(STATES):
        _add(found, f"_{state}", {name: values[:, number].sum() for name, values in table.items()})
    for state_number, state in enumerate(STATES):
        for name, kinds in _TOGETHER.items():
            part = {key: values[kinds, state_number].sum() for key, values in table.items()}
            if part["count"] > 0:
                found[f"perplexity_{state}_{name}"] = _exp(part["nats"] / part["count"])
    found.setdefault("loss", math.nan)
    return found


def sums_of(nats: np.ndarray, right: np.ndarray, cells: np.ndarray) -> dict[str, np.ndarray]:
    """Sums of (n,) values by (n,) cells."""
    return {
        "nats": np.bincount(cells, nats, NUM_CELLS),
        "right": np.bincount(cells, right, NUM_CELLS),
        "count": np.bincount(cells, minlength=NUM_CELLS).astype(float),
    }


def _add(found: dict[str, float], name: str, sums: Mapping[str, float]) -> None:
    if sums["count"] <= 0:
        return
    loss = float(sums["nats"] / sums["count"])
    found[f"loss{name}"] = loss
    found[f"perplexity{name}"] = _exp(loss)
    found[f"accuracy{name}"] = float(sums["right"] / sums["count"])


def _exp(loss: float) -> float:
    return math.exp(loss) if loss < 700 else math.inf
