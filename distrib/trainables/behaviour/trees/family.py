"""A random forest or XGBoost on lagged signals: the networks' data, split and figures.

As in daart's companion they learn from the frames that are labelled by hand, background left out.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any, ClassVar

import numpy as np

from distrib.data.behaviour.lags import lagged
from distrib.data.behaviour.sequences import cut
from distrib.data.behaviour.sessions import Sessions
from distrib.data.behaviour.splitting import scored_from
from distrib.models.trees.forest import Forest
from distrib.trainables.base import Fidelity, Metric, Progress, State, Trainable, Worker
from distrib.trainables.behaviour.base import (
    Segmentation,
    check_classes,
    check_labelled,
    check_signals,
)
from distrib.trainables.behaviour.figures import METRICS, state_scores
from distrib.trainables.behaviour.frames import held_out_frame
from distrib.trainables.behaviour.source import SessionsSource
from distrib.trainables.behaviour.trees.config import TreesConfig
from distrib.trainables.behaviour.trees.growing import Grower, chances, make_grower
from distrib.trainables.extras import require
from distrib.trainables.training_rows import remember


class Trees(Segmentation[TreesConfig], Trainable[TreesConfig, SessionsSource, Sessions]):
    """Trees on every frame's signals and those of its neighbours."""

    Config = TreesConfig
    metrics: ClassVar[tuple[Metric, ...]] = tuple(m for m in METRICS if "loss" not in m.name)
    fidelity = Fidelity("round", "rounds")

    def check(self, config: TreesConfig, data: Sessions, num_workers: int = 1) -> None:
        """There are labelled frames in both parts, and what grows trees is installed.

        All of it: a search draws the kind of trees anew for each trial.
        """
        require("behaviour", "sklearn.ensemble", "xgboost")
        train, validation = self.split(config, data)
        check_labelled({"training": train, "validation": validation}, config.sequence_length)

    def progress(
        self, config: TreesConfig, data: Sessions, worker: Worker, state: State | None = None
    ) -> Iterator[Progress]:
        """Add trees, a round at a time, and judge all so far."""
        train, held_out = self.split(config, data)
        for step, grower, values in self._grown(config, train, worker, config.rounds, state):
            now = _state(grower, step, values)
            metrics, predicted = self._judged(config, now, held_out, worker)
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

    def probabilities(
        self, config: TreesConfig, state: State, sequences: Sessions, worker: Worker
    ) -> Iterator[np.ndarray]:
        """For each sequence (frames, K) float32."""
        forest = forest_of(config, state)
        size = len(state.values["classes"])
        for part in range(len(sequences)):
            inputs = lagged(sequences, part, config.n_lags, config.velocity)
            yield chances(config, forest, inputs, size)

    def evaluate(
        self, config: TreesConfig, state: State, data: Sessions, worker: Worker
    ) -> dict[str, float]:
        """Every metric over the sessions."""
        check_signals(state.values, data)
        check_classes(state.values, data)
        return self._judged(config, state, cut(data, config.sequence_length), worker)[0]

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
        self, config: TreesConfig, state: State, data: Sessions, worker: Worker
    ) -> tuple[dict[str, float], list[np.ndarray]]:
        found = self.probabilities(config, state, data, worker)
        predicted = [own.argmax(axis=1).astype(np.int16) for own in found]
        return state_scores(data, predicted, state.values["ignore_class"]), predicted


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
