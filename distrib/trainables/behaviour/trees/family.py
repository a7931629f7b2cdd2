"""A random forest or XGBoost on lagged signals: the networks' data, split and figures.

As in daart's companion they learn from the frames that are labelled by hand, background left out.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pandas as pd

from distrib.data.behaviour.example import write_example
from distrib.data.behaviour.frame_metrics import confusion
from distrib.data.behaviour.lags import lagged
from distrib.data.behaviour.sequences import cut
from distrib.data.behaviour.sessions import Sessions
from distrib.data.behaviour.splitting import part_aside, parts_of, scored_from
from distrib.errors import InputError
from distrib.models.trees.forest import Forest
from distrib.trainables.base import Fidelity, Metric, Progress, State, Trainable, Worker
from distrib.trainables.behaviour.segmenter.baselines import simple_baselines
from distrib.trainables.behaviour.segmenter.figures import METRICS, bout_sums, scores
from distrib.trainables.behaviour.segmenter.held_out import (
    averaged_frame,
    frame_ids,
    held_out_frame,
)
from distrib.trainables.behaviour.segmenter.source import (
    SessionsSource,
    check_classes,
    load_sessions,
)
from distrib.trainables.behaviour.trees.config import TreesConfig
from distrib.trainables.behaviour.trees.growing import Grower, chances, make_grower
from distrib.trainables.training_rows import remember


class Trees(Trainable[TreesConfig, SessionsSource, Sessions]):
    """Trees on every frame's signals and those of its neighbours."""

    Config = TreesConfig
    Source = SessionsSource
    metrics: ClassVar[tuple[Metric, ...]] = tuple(m for m in METRICS if "loss" not in m.name)
    fidelity = Fidelity("round", "rounds")

    def load(self, source: SessionsSource, *, targets: bool = True) -> Sessions:
        """A folder of sessions, a data file, or simulated sessions."""
        return load_sessions(source, labels=targets)

    def set_aside(
        self, data: Sessions, fraction: float, seed: int
    ) -> tuple[Sessions, Sessions | None]:
        """As of the networks."""
        return part_aside(data, fraction, seed)

    def count(self, data: Sessions) -> int:
        """Frames."""
        return data.num_frames()

    def row_ids(self, data: Sessions) -> np.ndarray:
        """The session of each frame, of one in parts with the part."""
        return np.repeat(data.names(), data.parts[:, 2] - data.parts[:, 1])

    def check(self, config: TreesConfig, data: Sessions, num_workers: int = 1) -> None:
        """There are labelled frames in both parts."""
        for name, part in zip(("training", "validation"), parts_of(config, data)):
            if not part.counts(part.hand)[1:].any():
                raise InputError(
                    f"no frame of the {name} sequences has a hand label",
                    where="trial_splits",
                    hint="another split_seed, shorter sequences, or more of them in trial_splits",
                )

    def progress(
        self, config: TreesConfig, data: Sessions, worker: Worker, state: State | None = None
    ) -> Iterator[Progress]:
        """Add trees, a round at a time, and judge all so far."""
        train, held_out = parts_of(config, data)
        for step, grower, values in self._grown(config, train, worker, config.rounds, state):
            now = _state(grower, step, values)
            metrics, predicted = self._judged(config, now, held_out)
            frame = partial(held_out_frame, held_out, predicted, values["classes"])
            yield Progress(step, lambda now=now: now, metrics, held_out=frame)  # type: ignore[misc]

    def refit(
        self,
        config: TreesConfig,
        data: Sessions,
        worker: Worker,
        budget: int | None,
        state: State | None = None,
    ) -> Iterator[Progress]:
        """The same on every sequence."""
        sequences = cut(data, config.sequence_length, config.keep_tail)
        rounds = config.rounds if budget is None else budget
        items = (
            Progress(step, partial(_state, grower, step, values))
            for step, grower, values in self._grown(config, sequences, worker, rounds, state)
        )
        return remember(items, data.names())

    def predict(
        self, config: TreesConfig, state: State, data: Sessions, worker: Worker
    ) -> pd.DataFrame:
        """`session`, `frame`, `state`, and the probability of each class as `p_<class>`."""
        classes = state.values["classes"]
        sequences = cut(data, config.sequence_length)
        found = np.concatenate([*self.probabilities(config, state, sequences)])
        frame = frame_ids(sequences)
        frame["state"] = np.array(classes)[found.argmax(axis=1)]
        for number, name in enumerate(classes):
            frame[f"p_{name}"] = found[:, number]
        return frame

    def probabilities(
        self, config: TreesConfig, state: State, sequences: Sessions
    ) -> Iterator[np.ndarray]:
        """For each sequence (frames, K) float32."""
        if list(sequences.signals) != state.values["signals"]:
            raise InputError(
                "the signals are not those that the model was trained on",
                found=", ".join(sequences.signals),
                expected=", ".join(state.values["signals"]),
            )
        forest = forest_of(config, state)
        size = len(state.values["classes"])
        for part in range(len(sequences)):
            inputs = lagged(sequences, part, config.n_lags, config.velocity)
            yield chances(config, forest, inputs, size)

    def averaged(self, predictions: Sequence[pd.DataFrame]) -> pd.DataFrame:
        """The mean of the probabilities."""
        return averaged_frame(predictions)

    def evaluate(
        self, config: TreesConfig, state: State, data: Sessions, worker: Worker
    ) -> dict[str, float]:
        """Every metric over the sessions."""
        check_classes(state.values, data)
        return self._judged(config, state, cut(data, config.sequence_length))[0]

    def baselines(
        self, config: TreesConfig, data: Sessions, test: Sessions | None, worker: Worker
    ) -> dict[str, dict[str, float]]:
        """The commonest class, and the heuristics."""
        train, validation = parts_of(config, data)
        return simple_baselines(train, validation, test, scored_from(config.ignore_class, data))

    def example(self, folder: Path) -> None:
        """Three short simulated sessions."""
        write_example(folder)

    def _grown(
        self,
        config: TreesConfig,
        sequences: Sessions,
        worker: Worker,
        rounds: int,
        state: State | None,
    ) -> Iterator[tuple[int, Grower, dict[str, Any]]]:
        inputs, states = labelled(config, sequences)
        values: dict[str, Any] = {
            "classes": list(sequences.classes),
            "signals": list(sequences.signals),
            "ignore_class": scored_from(config.ignore_class, sequences),
        }
        size = len(values["classes"])
        grower = make_grower(config, inputs, states, size, worker.threads)
        begun = 0
        if state is not None:
            begun = state.values["step"]
            grower.restore({k: v for k, v in state.arrays.items() if k != "training_rows"})
        for step in range(begun, rounds):
            grower.grow(step)
            yield step + 1, grower, values

    def _judged(
        self, config: TreesConfig, state: State, data: Sessions
    ) -> tuple[dict[str, float], list[np.ndarray]]:
        predicted = [
            found.argmax(axis=1).astype(np.int16)
            for found in self.probabilities(config, state, data)
        ]
        size = len(state.values["classes"])
        matrix = np.zeros((size, size), dtype=np.int64)
        for part, states in enumerate(predicted):
            matrix += confusion(data.labels(data.hand, part), states, size)
        bouts = bout_sums(data, predicted, state.values["ignore_class"])
        return scores(matrix, bouts, state.values["classes"]), predicted


def labelled(config: TreesConfig, sequences: Sessions) -> tuple[np.ndarray, np.ndarray]:
    """(n, d) float32 inputs of the frames labelled other than background, and (n,) classes."""
    inputs, states = [], []
    for part in range(len(sequences)):
        labels = sequences.labels(sequences.hand, part)
        if (known := labels > 0).any():
            rows = lagged(sequences, part, config.n_lags, config.velocity)
            inputs.append(rows[known])
            states.append(labels[known])
    return np.concatenate(inputs), np.concatenate(states).astype(np.int64)


def forest_of(config: TreesConfig, state: State) -> Forest:
    """The trees of a state."""
    size = len(state.values["classes"])
    grower = make_grower(config, np.empty((0, 0)), np.empty(0), size, 1)
    grower.restore({k: v for k, v in state.arrays.items() if k != "training_rows"})
    return grower.forest()


def _state(grower: Grower, step: int, values: dict[str, Any]) -> State:
    return State(grower.arrays(), {"step": step, **values})
