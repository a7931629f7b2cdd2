"""A few simulated sessions in the files that are read, for a user to look at and replace."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from distrib.data.behaviour.simulate import CLASSES, simulate

SESSIONS, FRAMES, SIGNALS = 3, 3_000, 8

_YAML = """\
# Data for the space segmenter: sessions of behaviour. Folders lie beside this file.
#   features/<session>.csv           a row for each frame (or .npy; markers of DeepLabCut, .csv or
#                                    .h5, go into markers/ and are input_type: markers)
#   labels-hand/<session>.csv        one-hot rows, the first class is background
#   labels-heuristic/<session>.csv   the same of heuristics; optional
#   tasks/<session>.csv              further signals to be predicted; optional
data_dir: .
input_type: features
expt_ids: [{ids}]
# Sessions that are the test, and sessions whose hand labels are used (default: all).
expt_ids_test: [{test}]
# expt_ids_to_keep: [{ids}]
# The class that is not scored; -100 where every frame is labelled.
ignore_class: 0
weight_classes: false
# What is done about missing values: interpolate, mask or refuse.
missing: interpolate
"""


def write_example(folder: Path) -> None:
    """Write three short simulated sessions into `folder` (it exists): always the same ones."""
    names = [f"session_{number}" for number in range(SESSIONS)]
    for kind in ("features", "labels-hand", "labels-heuristic"):
        (folder / kind).mkdir()
    for number, name in enumerate(names):
        raw, _, hand, weak = simulate(FRAMES, SIGNALS, 1, number)
        columns = [f"signal_{i}" for i in range(SIGNALS)]
        pd.DataFrame(raw.round(4), columns=columns).to_csv(folder / f"features/{name}.csv")
        for kind, states in (("labels-hand", hand), ("labels-heuristic", weak)):
            one_hot = np.eye(len(CLASSES), dtype=int)[states]
            pd.DataFrame(one_hot, columns=list(CLASSES)).to_csv(folder / kind / f"{name}.csv")
    text = _YAML.format(ids=", ".join(names), test=names[-1])
    (folder / "data.yaml").write_text(text, encoding="utf-8")
