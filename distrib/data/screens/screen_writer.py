"""A screen written as a folder in the form that `load_screen` takes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from distrib.data.screens.screen import Screen
from distrib.data.screens.screen_files import YAML_NAME
from distrib.files import atomic_path, atomic_write


def write_screen(folder: Path, screen: Screen, *, groups: bool, origin: str) -> list[Path]:
    """Write everything that a screen knows; its files, in their order.

    Args:
        folder: it exists. groups: whether rows belong together; else each is its own group.
        origin: where it comes from, a line for the reader.
    """
    assert screen.targets is not None
    named: dict[str, str] = {}
    if screen.inputs.shape[1]:
        named["embeddings"] = "embeddings.npz"
        _arrays(folder / "embeddings.npz", screen.ids, screen.inputs)
    if screen.halves is not None:
        named["halves"] = "halves.npz"
        with atomic_path(folder / "halves.npz") as temporary, temporary.open("wb") as file:
            np.savez(
                file,
                ids=screen.ids,
                columns=screen.columns,
                first=screen.halves[0],
                second=screen.halves[1],
            )
    if screen.gene_inputs is not None:
        named["gene_embeddings"] = "gene_embeddings.npz"
        _arrays(folder / "gene_embeddings.npz", screen.columns, screen.gene_inputs)
    ids = pd.Index(screen.ids, name="id")
    tables: dict[str, pd.DataFrame] = {
        "targets": pd.DataFrame(screen.targets, index=ids, columns=screen.columns)
    }
    if screen.sequences is not None:
        tables["sequences"] = pd.DataFrame({"sequence": screen.sequences.astype(str)}, index=ids)
    if screen.responding is not None:
        responding = screen.responding.astype(np.uint8)
        tables["responding"] = pd.DataFrame(responding, index=ids, columns=screen.columns)
    if screen.weights is not None:
        tables["weights"] = pd.DataFrame({"weight": screen.weights}, index=ids)
    if groups:
        tables["groups"] = pd.DataFrame({"group": screen.groups.astype(str)}, index=ids)
    if screen.folds is not None:
        tables["folds"] = pd.DataFrame({"fold": screen.folds.astype(str)}, index=ids)
    for name, table in tables.items():
        named[name] = f"{name}.parquet"
        with atomic_path(folder / named[name]) as temporary:
            table.reset_index().to_parquet(temporary, index=False)
    lines = [f"# {origin}", *(f"{key}: {file}" for key, file in named.items())]
    atomic_write(folder / YAML_NAME, "\n".join(lines) + "\n")
    return [folder / file for file in (*named.values(), YAML_NAME)]


def _arrays(path: Path, ids: np.ndarray, values: np.ndarray) -> None:
    with atomic_path(path) as temporary, temporary.open("wb") as file:
        np.savez(file, ids=ids, embeddings=values)
