"""What the families of behaviour share: sessions in, a class for every frame out, and the figures.

A family says what the probabilities of the frames of a sequence are, and how it is trained.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar, Generic, TypeVar

import numpy as np
import pandas as pd

from distrib.data.behaviour.example import write_example
from distrib.data.behaviour.sequences import cut
from distrib.data.behaviour.sessions import Sessions
from distrib.data.behaviour.splitting import part_aside, parts_of, scored_from
from distrib.errors import InputError
from distrib.files import atomic_path
from distrib.trainables.base import Source, State, Worker
from distrib.trainables.behaviour.artifacts import write_pictures
from distrib.trainables.behaviour.baselines import simple_baselines
from distrib.trainables.behaviour.frames import averaged_frame, frame_ids, states_of
from distrib.trainables.behaviour.source import SessionsSource, load_sessions
from distrib.trainables.behaviour.states import write_states
from distrib.trainables.capabilities import ArtifactInputs

C = TypeVar("C")
"""A configuration with the fields of `behaviour.config.Sequences`."""


class Segmentation(ABC, Generic[C]):
    """A class for every frame; a base beside `Trainable`, before it."""

    Source: ClassVar[type[Source]] = SessionsSource

    @abstractmethod
    def probabilities(
        self, config: C, state: State, sequences: Sessions, worker: Worker
    ) -> Iterator[np.ndarray]:
        """For each sequence (frames, K) float32."""

    @abstractmethod
    def evaluate(self, config: C, state: State, data: Sessions, worker: Worker) -> dict[str, float]:
        """Every metric over the sessions."""

    def load(self, source: SessionsSource, *, targets: bool = True) -> Sessions:
        """A folder of sessions (see `data.behaviour.folders`), a data file, or simulated ones."""
        return load_sessions(source, labels=targets)

    def set_aside(
        self, data: Sessions, fraction: float, seed: int
    ) -> tuple[Sessions, Sessions | None]:
        """The sessions that are named as the test; else by session; of a single one a stretch."""
        return part_aside(data, fraction, seed)

    def split(self, config: C, data: Sessions) -> tuple[Sessions, Sessions]:
        """Sequences to train on and to validate on, dealt in blocks within each session."""
        return parts_of(config, data)

    def count(self, data: Sessions) -> int:
        """Frames."""
        return data.num_frames()

    def row_ids(self, data: Sessions) -> np.ndarray:
        """The session of each frame, of one in parts with the part."""
        return np.repeat(data.names(), data.parts[:, 2] - data.parts[:, 1])

    def predict(self, config: Any, state: State, data: Sessions, worker: Worker) -> pd.DataFrame:
        """`session`, `frame`, `state`, and the probability of each class as `p_<class>`."""
        check_signals(state.values, data)
        classes = state.values["classes"]
        sequences = cut(data, config.sequence_length)
        chances = np.concatenate([*self.probabilities(config, state, sequences, worker)])
        frame = frame_ids(sequences)
        frame["state"] = states_of(chances, classes)
        for number, name in enumerate(classes):
            frame[f"p_{name}"] = chances[:, number]
        return frame

    def write_predictions(
        self,
        models: Sequence[tuple[Any, State]],
        data: Sessions,
        worker: Worker,
        folder: Path,
    ) -> list[str]:
        """`<session>_states.npy`, (frames, K) float32 probabilities, and `classes.csv`."""
        _, first = models[0]
        for _, state in models:
            check_signals(state.values, data)
            check_same_classes(state.values, first.values)
        classes = first.values["classes"]
        sequences = cut(data, min(config.sequence_length for config, _ in models))
        found = [self.probabilities(*model, sequences, worker) for model in models]
        table = pd.DataFrame({"column": range(len(classes)), "class": classes})
        with atomic_path(folder / "classes.csv") as temporary:
            table.to_csv(temporary, index=False)
        return [*write_states(folder, sequences, len(classes), found), "classes.csv"]

    def averaged(self, predictions: Sequence[pd.DataFrame]) -> pd.DataFrame:
        """The mean of the probabilities."""
        return averaged_frame(predictions)

    def baselines(
        self, config: Any, data: Sessions, test: Sessions | None, worker: Worker
    ) -> dict[str, dict[str, float]]:
        """The commonest class, and the heuristics."""
        train, validation = self.split(config, data)
        return simple_baselines(train, validation, test, scored_from(config.ignore_class, data))

    def write_artifacts(
        self,
        config: C,
        state: State,
        data: Sessions,
        worker: Worker,
        folder: Path,
        inputs: ArtifactInputs,
    ) -> list[str]:
        """Confusion matrix and ethogram of the validation frames."""
        if inputs.held_out is None:
            return ["its validation states are missing: they are kept of the --keep best trials"]
        write_pictures(folder, inputs.held_out, state.values["classes"])
        return []

    def example(self, folder: Path) -> None:
        """Three short simulated sessions."""
        write_example(folder)


def scaling_of(data: Sessions) -> dict[str, dict[str, list[float]]]:
    """Session -> mean and standard deviation of each signal, by which it is z-scored."""
    tracks = {str(data.ids[s]): data.tracks[s] for s in np.unique(data.groups).tolist()}
    return {
        name: {"mean": track.mean.tolist(), "std": track.std.tolist()}
        for name, track in tracks.items()
    }


def check_labelled(parts: Mapping[str, Sessions], sequence_length: int) -> None:
    """Raise where a part (training, validation) has no frame with a hand label."""
    for name, part in parts.items():
        if not part.counts(part.hand)[1:].any():
            raise InputError(
                f"no frame of the {name} sequences has a hand label",
                where="trial_splits",
                found=f"{len(part)} sequences of {sequence_length} frames",
                expected="at least one labelled frame",
                hint="another split_seed, shorter sequences, or more of them in trial_splits",
            )


def check_signals(values: Mapping[str, Any], data: Sessions) -> None:
    """Raise where the signals are not those that a model was trained on."""
    if list(data.signals) != values["signals"]:
        raise InputError(
            "the signals are not those that the model was trained on",
            found=", ".join(data.signals),
            expected=", ".join(values["signals"]),
        )


def check_same_classes(values: Mapping[str, Any], others: Mapping[str, Any]) -> None:
    """Raise where two models know different classes."""
    if values["classes"] != others["classes"]:
        raise InputError(
            "these models know different classes",
            found=", ".join(values["classes"]),
            expected=", ".join(others["classes"]),
        )


def check_classes(values: Mapping[str, Any], data: Sessions) -> None:
    """Raise where the classes are not those that a model was trained on."""
    if list(data.classes) != values["classes"]:
        raise InputError(
            "the classes are not those that the model was trained on",
            found=", ".join(data.classes) or "no labels",
            expected=", ".join(values["classes"]),
        )
