"""Real recordings as sessions that the space `segmenter` reads.

`python experiments/behaviour/sessions.py basic-motions SOURCE OUT` joins the recordings of the UEA
archive's BasicMotions into sessions of bouts: those of the TRAIN file into five, those of the TEST
file into five others, which are the test. `... fly SOURCE OUT` gives the hand and heuristic labels
of a fly simulated markers, which follow the heuristics where they know a class: semi-simulated.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pandas as pd

SESSIONS = 5


def read_ts(path: Path) -> tuple[np.ndarray, list[str]]:
    """(recordings, steps, channels) and the activity of each, of a `.ts` file."""
    recordings, activities = [], []
    body = path.read_text().split("@data\n")[1]
    for line in body.strip().splitlines():
        *channels, activity = line.split(":")
        recordings.append(np.array([[float(x) for x in c.split(",")] for c in channels]).T)
        activities.append(activity.strip())
    return np.array(recordings), activities


def basic_motions(source: Path, out: Path) -> None:
    """Write features, labels and `data.yaml`."""
    names: dict[str, list[str]] = {}
    for part in ("TRAIN", "TEST"):
        recordings, activities = read_ts(source / f"BasicMotions_{part}.ts")
        classes = ["background", *sorted(set(activities))]
        order = np.random.default_rng(0).permutation(len(recordings))
        names[part] = []
        for number, rows in enumerate(np.array_split(order, SESSIONS)):
            name = f"{part.lower()}_{number}"
            names[part].append(name)
            signals = np.concatenate([recordings[row] for row in rows])
            states = np.repeat([classes.index(activities[row]) for row in rows], 100)
            _write(out, name, signals, {"labels-hand": states}, classes)
    _yaml(out, names["TRAIN"], names["TEST"])


def fly(source: Path, out: Path) -> None:
    """Write simulated markers beside the real labels of one session."""
    from distrib.data.behaviour.labels import read_labels

    name = "2019_06_26_fly2"
    labels = {}
    for kind in ("labels-hand", "labels-heuristic"):
        labels[kind], classes = read_labels(source / kind / f"{name}.csv", 45_001)
    states = np.where(labels["labels-hand"] > 0, labels["labels-hand"], labels["labels-heuristic"])
    rng = np.random.default_rng(0)
    levels = rng.standard_normal((len(classes), 16))
    noise = np.zeros((len(states), 16))
    for t in range(1, len(states)):
        noise[t] = 0.9 * noise[t - 1] + rng.standard_normal(16)
    _write(out, name, levels[states] + noise, labels, classes)
    _yaml(out, [name], [])


def _write(
    out: Path, name: str, signals: np.ndarray, labels: dict[str, np.ndarray], classes: list[str]
) -> None:
    for kind in ("features", *labels):
        (out / kind).mkdir(parents=True, exist_ok=True)
    columns = [f"channel_{i}" for i in range(signals.shape[1])]
    pd.DataFrame(signals, columns=columns).to_csv(out / f"features/{name}.csv")
    for kind, states in labels.items():
        one_hot = np.eye(len(classes), dtype=int)[states]
        pd.DataFrame(one_hot, columns=classes).to_csv(out / kind / f"{name}.csv")


def _yaml(out: Path, ids: list[str], test: list[str]) -> None:
    lines = [f"data_dir: {out.absolute()}", "input_type: features"]
    lines += [f"expt_ids: [{', '.join(ids + test)}]"]
    lines += [f"expt_ids_test: [{', '.join(test)}]"] if test else []
    (out / "data.yaml").write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    kinds = {"basic-motions": basic_motions, "fly": fly}
    kinds[sys.argv[1]](Path(sys.argv[2]), Path(sys.argv[3]))
