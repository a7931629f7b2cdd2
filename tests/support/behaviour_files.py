"""Sessions of behaviour as files, in every form that is read."""

from __future__ import annotations

import pickle
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

CLASSES = ("background", "still", "walk", "turn")


def labels_csv(path: Path, states: Sequence[int], classes: Sequence[str] = CLASSES) -> Path:
    """One-hot rows below a header with an empty cell."""
    path.parent.mkdir(parents=True, exist_ok=True)
    one_hot = np.eye(len(classes), dtype=int)[list(states)]
    pd.DataFrame(one_hot, columns=list(classes)).to_csv(path)
    return path


def labels_pkl(path: Path, states: Sequence[int], classes: Sequence[str], key: str) -> Path:
    """As the heuristics of the field are kept."""
    path.parent.mkdir(parents=True, exist_ok=True)
    content = {"states": np.asarray(states), key: dict(enumerate(classes))}
    path.write_bytes(pickle.dumps(content))
    return path


def dlc_frame(
    frames: int, parts: Sequence[str] = ("nose", "tail"), animals: Sequence[str] = (), seed: int = 0
) -> pd.DataFrame:
    """Markers as DeepLabCut has them, with three or four levels of columns."""
    rng = np.random.default_rng(seed)
    levels: list[Sequence[str]] = [["net"], parts, ["x", "y", "likelihood"]]
    names = ["scorer", "bodyparts", "coords"]
    if animals:
        levels.insert(1, animals)
        names.insert(1, "individuals")
    columns = pd.MultiIndex.from_product(levels, names=names)
    return pd.DataFrame(rng.normal(100, 20, (frames, len(columns))), columns=columns)


def session(
    folder: Path,
    name: str,
    frames: int = 200,
    seed: int = 0,
    *,
    hand: bool = True,
    weak: bool = True,
    classes: Sequence[str] = CLASSES,
) -> np.ndarray:
    """Markers, hand and heuristic labels of one session; (frames,) the true classes."""
    rng = np.random.default_rng(seed)
    truth = np.repeat(rng.integers(1, len(classes), frames // 20 + 1), 20)[:frames]
    frame = dlc_frame(frames, seed=seed)
    shift = np.random.default_rng(99).normal(0, 60, (len(classes), frame.shape[1]))
    frame += shift[truth]
    (folder / "markers").mkdir(parents=True, exist_ok=True)
    frame.to_csv(folder / "markers" / f"{name}_labeled.csv")
    if hand:
        labels_csv(folder / "labels-hand" / f"{name}_labels.csv", truth, classes)
    if weak:
        noisy = np.where(rng.random(frames) < 0.2, 0, truth)
        labels_csv(folder / "labels-heuristic" / f"{name}.csv", noisy, classes)
    return truth
