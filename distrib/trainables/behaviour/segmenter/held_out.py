"""Predictions as tables: a row for each frame."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from distrib.data.behaviour.sessions import Sessions


def frame_ids(data: Sessions) -> pd.DataFrame:
    """`session` and `frame` of every frame of the parts, in their order."""
    lengths = data.parts[:, 2] - data.parts[:, 1]
    names = pd.Categorical.from_codes(
        np.repeat(data.parts[:, 0], lengths), categories=data.ids.tolist()
    )
    frames = [np.arange(start, stop) for _, start, stop in data.parts.tolist()]
    return pd.DataFrame({"session": names.astype(str), "frame": np.concatenate(frames)})


def held_out_frame(
    data: Sessions, predicted: Sequence[np.ndarray], classes: Sequence[str]
) -> pd.DataFrame:
    """`session`, `frame`, `state` and `label` (set by hand, "" where none) of frames held out."""
    frame = frame_ids(data)
    words = np.array(["", *classes[1:]])
    hand = np.concatenate([data.labels(data.hand, part) for part in range(len(data))])
    frame["state"] = np.array(list(classes))[np.concatenate(predicted)]
    frame["label"] = words[hand]
    return frame
