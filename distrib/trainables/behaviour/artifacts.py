"""What a study of behaviour leaves beside the weights: a confusion matrix and an ethogram."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from distrib.files import atomic_path

CONFUSION, CONFUSION_TABLE, ETHOGRAM = "confusion.png", "confusion.csv", "ethogram.png"
STATES = "validation_states.parquet"


def write_pictures(folder: Path, held_out: pd.DataFrame, classes: Sequence[str]) -> None:
    """Of the frames held out: `session`, `frame`, `state` and `label`, "" where unlabelled."""
    from distrib.trainables.behaviour.pictures import draw_confusion, draw_ethogram

    with atomic_path(folder / STATES) as temporary:
        held_out.to_parquet(temporary, index=False)
    table = confusion_table(held_out, classes)
    with atomic_path(folder / CONFUSION_TABLE) as temporary:
        table.to_csv(temporary)
    draw_confusion(table, folder / CONFUSION)
    draw_ethogram(held_out, classes, folder / ETHOGRAM)


def confusion_table(frames: pd.DataFrame, classes: Sequence[str]) -> pd.DataFrame:
    """Labelled frames by their class (rows) and the one that was predicted (columns)."""
    known = frames[frames["label"] != ""]
    kind = pd.CategoricalDtype(list(classes))
    pairs = known["label"].astype(kind), known["state"].astype(kind)
    table = pd.crosstab(*pairs, dropna=False).loc[list(classes[1:])]
    return table.rename_axis(index="label", columns="state")
