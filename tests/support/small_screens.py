"""A small screen with everything that a family may need to know of its rows and genes."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from distrib.data.screens.screen import Screen

ROWS, GENES, WIDTH, FOLDS = 40, 12, 6, 4

CONFIGS: dict[str, dict[str, Any]] = {
    "mlp": {"epochs": 4, "hidden_width": 12},
    "mlp_pairs": {"epochs": 3, "hidden_width": 12, "batch_rows": 8, "batch_genes": 6},
    "lel": {"grid": 5, "components": 4, "gene_side": "embedding"},
    "xgboost": {"rounds": 6, "patience": 2},
    "ia3": {"epochs": 2, "batch_size": 8},
}
"""Values under which a family is trained in about a second, on any screen."""


def small_screen(seed: int = 0, missing: float = 0.0) -> Screen:
    """Responses that depend on the embeddings; the first rows perturb genes that are read out."""
    rng = np.random.default_rng(seed)
    inputs = rng.normal(1, 2, size=(ROWS, WIDTH))
    genes = rng.normal(size=(GENES, WIDTH))
    targets = inputs @ rng.normal(size=(WIDTH, WIDTH)) @ genes.T + rng.normal(size=(ROWS, GENES))
    responding = (np.abs(targets) > np.quantile(np.abs(targets), 0.8)).astype(np.int8)
    targets[rng.random(targets.shape) < missing] = np.nan
    letters = [rng.choice(list("ACGT"), size=rng.integers(9, 40)) for _ in range(ROWS)]
    names = np.array([f"G{number:02d}" for number in range(ROWS)])
    return Screen(
        ids=names,
        inputs=inputs.astype(np.float32),
        targets=targets.astype(np.float32),
        columns=names[:GENES],
        groups=np.arange(ROWS),
        folds=rng.permutation(np.arange(ROWS) % FOLDS),
        gene_inputs=genes.astype(np.float32),
        sequences=np.array(["".join(word).encode() for word in letters]),
        responding=responding,
    )


def spoilt(screen: Screen, rows: np.ndarray) -> Screen:
    """The same, but for inputs and targets of some rows, which are wild numbers."""
    rng = np.random.default_rng(1)
    assert screen.targets is not None and screen.sequences is not None
    inputs, targets, sequences = (
        screen.inputs.copy(),
        screen.targets.copy(),
        screen.sequences.copy(),
    )
    inputs[rows] = rng.normal(50, 9, size=inputs[rows].shape)
    targets[rows] = rng.normal(-70, 20, size=targets[rows].shape)
    sequences[rows] = b"TTTTTTTTTTTTTTTTTTTTTTTTTTTTTT"
    return replace(screen, inputs=inputs, targets=targets, sequences=sequences)
