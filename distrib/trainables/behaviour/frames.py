"""Predictions as tables: a row for each frame."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from distrib.data.behaviour.sessions import Sessions
from distrib.errors import InputError


def frame_ids(data: Sessions) -> pd.DataFrame:
    """`session` and `frame` of every frame of the parts, in their order."""
    lengths = data.parts[:, 2] - data.parts[:, 1]
    names = pd.Categorical.from_codes(
        np.repeat(data.parts[:, 0], lengths), categories=data.ids.tolist()
    )
    frames = [np.arange(start, stop) for _, start, stop in data.parts.tolist()]
    return pd.DataFrame({"session": names, "frame": np.concatenate(frames)})


def states_of(chances: np.ndarray, classes: Sequence[str]) -> pd.Categorical[str]:
    """(frames, K) probabilities -> (frames,) the most probable classes; a byte each in memory."""
    return pd.Categorical.from_codes(chances.argmax(axis=1), pd.Index(list(classes)))


def averaged_frame(predictions: Sequence[pd.DataFrame]) -> pd.DataFrame:
    """The mean of the probabilities of several models, and the class it makes most probable.

    Raises:
        InputError: the models know different classes.
    """
    first = predictions[0]
    columns = [column for column in first.columns if column.startswith("p_")]
    for other in predictions[1:]:
        if list(other.columns) != list(first.columns):
            raise InputError(
                "these models know different classes",
                found=", ".join(other.columns[3:]),
                expected=", ".join(columns),
            )
    mean = np.mean([frame[columns].to_numpy() for frame in predictions], axis=0)
    states = states_of(mean, [column.removeprefix("p_") for column in columns])
    return first.assign(state=states, **dict(zip(columns, mean.T)))


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
