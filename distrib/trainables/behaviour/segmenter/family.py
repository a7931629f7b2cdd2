"""The segmenter: a network that gives every frame of a recording a class.

A trial trains on a part of each session's sequences and is judged on others of the same sessions;
the test is a session of its own. Labels of the hand, heuristics, the next frame and tasks each have
a head and a weight in the loss, as in daart (Whiteway et al. 2021).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import pandas as pd

from distrib.data.behaviour.sequences import cut
from distrib.data.behaviour.sessions import Sessions
from distrib.data.behaviour.splitting import part_aside, parts_of, scored_from
from distrib.data.streams.stream_batches import Rows
from distrib.errors import InputError
from distrib.trainables.base import Fidelity, Metric, Progress, State, Worker
from distrib.trainables.behaviour.segmenter.baselines import SHIPPED, simple_baselines
from distrib.trainables.behaviour.segmenter.checks import check_training
from distrib.trainables.behaviour.segmenter.config import SegmenterConfig
from distrib.trainables.behaviour.segmenter.figures import METRICS
from distrib.trainables.behaviour.segmenter.held_out import averaged_frame, frame_ids
from distrib.trainables.behaviour.segmenter.judging import (
    inputs_of,
    judged,
    looked_through,
    loss_figures,
)
from distrib.trainables.behaviour.segmenter.source import (
    SessionsSource,
    check_classes,
    load_sessions,
)
from distrib.trainables.behaviour.segmenter.task import SegmenterTask
from distrib.trainables.capabilities import ArtifactInputs
from distrib.trainables.training.config import Recipe
from distrib.trainables.training.family import Batch, TorchTrainable, Use
from distrib.trainables.training_rows import remember

if TYPE_CHECKING:
    from torch import Tensor, nn
    from torch.optim import Optimizer


class Segmenter(TorchTrainable[SegmenterConfig, SessionsSource, Sessions]):
    """Dilated TCN, temporal MLP, LSTM or GRU over signals, with heads of hand and weak labels."""

    Config = SegmenterConfig
    Source = SessionsSource
    metrics: ClassVar[tuple[Metric, ...]] = METRICS
    fidelity = Fidelity("epoch", "epochs")
    max_workers = 1

    def load(self, source: SessionsSource, *, targets: bool = True) -> Sessions:
        """A folder of sessions (see `data.behaviour.folders`), a data file, or simulated ones."""
        return load_sessions(source, labels=targets)

    def set_aside(
        self, data: Sessions, fraction: float, seed: int
    ) -> tuple[Sessions, Sessions | None]:
        """The sessions that are named as the test; else by session; of a single one a stretch."""
        return part_aside(data, fraction, seed)

    def check(self, config: SegmenterConfig, data: Sessions, num_workers: int = 1) -> None:
        """There are labels and heads for what is asked, and labelled frames in both parts."""
        check_training(config, data)
        train, validation = self.split(config, data)
        for name, part in (("training", train), ("validation", validation)):
            if config.lambda_strong and not part.counts(part.hand)[1:].any():
                raise InputError(
                    f"no frame of the {name} sequences has a hand label",
                    where="trial_splits",
                    found=f"{len(part)} sequences of {config.sequence_length} frames",
                    expected="at least one labelled frame",
                    hint="another split_seed, shorter sequences, or more of them in trial_splits",
                )

    def split(self, config: SegmenterConfig, data: Sessions) -> tuple[Sessions, Sessions]:
        """Sequences to train on and to validate on, dealt in blocks within each session."""
        return parts_of(config, data)

    def values(self, config: SegmenterConfig, data: Sessions) -> dict[str, Any]:
        """Names, what is not scored, weights of the classes, and the figures of the z-scoring."""
        ignore = scored_from(config.ignore_class, data)
        if config.classifier_type == "binary":
            ignore = -100
        sessions = np.unique(data.groups).tolist()
        return {
            "signals": list(data.signals),
            "classes": list(data.classes),
            "tasks": list(data.task_names),
            "ignore_class": ignore,
            "class_weights": self._class_weights(config, data, ignore),
            "pseudo_frames": data.num_frames() if config.semi_supervised_algo else 0,
            "scaling": {
                str(data.ids[s]): {
                    "mean": data.tracks[s].mean.tolist(),
                    "std": data.tracks[s].std.tolist(),
                }
                for s in sessions
            },
        }

    def build(self, config: SegmenterConfig, values: Mapping[str, Any]) -> nn.Module:
        """The network, and what its training remembers."""
        import torch

        from distrib.models.behaviour.memory import Memory

        if config.rng_seed_model is not None:
            torch.manual_seed(config.rng_seed_model)
        network = self.network(config, values)
        network.memory = Memory(network, int(values["pseudo_frames"]))
        return network

    def network(self, config: SegmenterConfig, values: Mapping[str, Any]) -> nn.Module:
        """The network alone."""
        from distrib.models.behaviour.backbones import Build
        from distrib.models.behaviour.segmenter import Heads, Segmenter

        heads = Heads(
            strong=config.lambda_strong > 0,
            weak=config.lambda_weak > 0,
            pred=config.lambda_pred > 0,
            recon=config.lambda_recon > 0,
            task=config.lambda_task > 0,
            variational=config.variational,
        )
        build = Build(
            backbone=config.backbone,
            n_hid_layers=config.n_hid_layers,
            n_hid_units=config.n_hid_units,
            n_lags=config.n_lags,
            activation=config.activation,
            dropout=config.dropout,
            bidirectional=config.bidirectional,
        )
        signals = len(values["signals"]) * (2 if config.velocity else 1)
        return Segmenter(build, heads, signals, len(values["classes"]), len(values["tasks"]))

    def batching(self, config: SegmenterConfig) -> Rows:
        """Sequences."""
        return Rows(config.batch_size)

    def optimizer(self, config: SegmenterConfig, model: nn.Module) -> Optimizer:
        """Adam with the greatest second moment so far (amsgrad), as in daart."""
        from distrib.models.training.optimizers import make_optimizer

        optimizer = make_optimizer(model, "adam", config.learning_rate, config.weight_decay)
        for group in optimizer.param_groups:
            group["amsgrad"] = True
        return optimizer

    def recipe(self, config: SegmenterConfig) -> Recipe:
        """The kit's; early stopping watches the loss as requested, which no annealing moves."""
        return replace(super().recipe(config), monitor=(METRICS[1],))

    def collate(
        self, config: SegmenterConfig, values: Mapping[str, Any], rows: Sessions, use: Use
    ) -> Batch:
        """Sequences with their padding."""
        return Batch(inputs_of(config, rows), len(rows))

    def losses(self, config: SegmenterConfig, model: Any, inputs: dict[str, Any]) -> Tensor:
        """Not used: see `SegmenterTask.losses`, which knows the epoch."""
        raise NotImplementedError("the losses of a segmenter depend on the epoch")

    def sums(
        self, config: SegmenterConfig, model: nn.Module, inputs: dict[str, Any]
    ) -> dict[str, Any]:
        """Not used: see `judged`, which looks at whole bouts."""
        raise NotImplementedError("bouts are judged over sequences")

    def figures(self, config: SegmenterConfig, sums: dict[str, Any]) -> dict[str, float]:
        """The loss and its parts."""
        return loss_figures(config, sums)

    def apply(
        self, config: SegmenterConfig, model: nn.Module, inputs: dict[str, Any]
    ) -> pd.DataFrame:
        """Not used: see `predict`, whose rows are frames."""
        raise NotImplementedError("a sequence has many rows")

    def judge(
        self,
        config: SegmenterConfig,
        model: nn.Module,
        data: Sessions,
        values: Mapping[str, Any],
        worker: Worker,
    ) -> dict[str, float]:
        """Every metric of a network on sequences."""
        return judged(config, model, data, values, worker)[0]

    def refit(
        self,
        config: SegmenterConfig,
        data: Sessions,
        worker: Worker,
        budget: int | None,
        state: State | None = None,
    ) -> Iterator[Progress]:
        """Train on every sequence."""
        sequences = cut(data, config.sequence_length, config.keep_tail)
        items = self._train(config, sequences, None, worker, budget, state)
        return remember(items, data.names())

    def count(self, data: Sessions) -> int:
        """Frames."""
        return data.num_frames()

    def row_ids(self, data: Sessions) -> np.ndarray:
        """The session of each frame, of one in parts with the part."""
        return np.repeat(data.names(), data.parts[:, 2] - data.parts[:, 1])

    def predict(
        self, config: SegmenterConfig, state: State, data: Sessions, worker: Worker
    ) -> pd.DataFrame:
        """`session`, `frame`, `state`, and the probability of each class as `p_<class>`."""
        classes = state.values["classes"]
        sequences = cut(data, config.sequence_length)
        chances = np.concatenate([*self.probabilities(config, state, sequences, worker)])
        frame = frame_ids(sequences)
        frame["state"] = np.array(classes)[chances.argmax(axis=1)]
        for number, name in enumerate(classes):
            frame[f"p_{name}"] = chances[:, number]
        return frame

    def probabilities(
        self, config: SegmenterConfig, state: State, sequences: Sessions, worker: Worker
    ) -> Iterator[np.ndarray]:
        """For each sequence (frames, K) float32."""
        from distrib.models.behaviour.segmenter import class_logits

        check_signals(state.values, sequences)
        model = self._chosen(config, state, worker)
        for inputs, found in looked_through(config, model, sequences, worker):
            chances = class_logits(found).float().softmax(-1).to("cpu").numpy()
            for row, length in zip(chances, inputs["inside"].sum(1).tolist()):
                yield row[:length]

    def averaged(self, predictions: Sequence[pd.DataFrame]) -> pd.DataFrame:
        """The mean of the probabilities."""
        return averaged_frame(predictions)

    def evaluate(
        self, config: SegmenterConfig, state: State, data: Sessions, worker: Worker
    ) -> dict[str, float]:
        """Every metric over the sessions."""
        check_signals(state.values, data)
        check_classes(state.values, data)
        model = self._chosen(config, state, worker)
        sequences = cut(data, config.sequence_length)
        return self.judge(config, model, sequences, state.values, worker)

    def baselines(
        self, config: SegmenterConfig, data: Sessions, test: Sessions | None, worker: Worker
    ) -> dict[str, dict[str, float]]:
        """The commonest class, the heuristics, and daart's configuration at its last epoch."""
        train, validation = self.split(config, data)
        ignore = self.values(config, train)["ignore_class"]
        simple = simple_baselines(train, validation, test, ignore)
        same = ("epochs", "ignore_class", "weight_classes", "trial_splits", "split_seed")
        shipped = SegmenterConfig.model_validate(
            {**SHIPPED, **{name: getattr(config, name) for name in same}}
        )
        try:
            self.check(shipped, data)
        except InputError:  # too few frames for its sequences
            return simple
        *_, last = self.progress(shipped, data, worker)
        figures = {k: v for k, v in (last.metrics or {}).items() if not k.startswith("loss")}
        if test is not None:
            *_, last = self.refit(shipped, data, worker, None)
            of_test = self.evaluate(shipped, last.state(), test, worker)
            figures |= {f"test/{k}": v for k, v in of_test.items() if not k.startswith("loss")}
        return {**simple, "daart as shipped": figures}

    def write_artifacts(
        self,
        config: SegmenterConfig,
        state: State,
        data: Sessions,
        worker: Worker,
        folder: Path,
        inputs: ArtifactInputs,
    ) -> list[str]:
        """Confusion matrix and ethogram of the validation frames."""
        from distrib.trainables.behaviour.segmenter.artifacts import write_pictures

        if inputs.held_out is None:
            return ["its validation states are missing: they are kept of the --keep best trials"]
        write_pictures(folder, inputs.held_out, state.values["classes"])
        return []

    def example(self, folder: Path) -> None:
        """Three short simulated sessions."""
        from distrib.data.behaviour.example import write_example

        write_example(folder)

    def _chosen(self, config: SegmenterConfig, state: State, worker: Worker) -> nn.Module:
        """The network of a state: of its best validated epoch, where there was validation."""
        model: Any = self._restored(config, state.values, state, worker)
        if int(model.memory.best_epoch) >= 0:
            model.load_state_dict(model.memory.best(), strict=False)
        return model

    def _train(
        self,
        config: SegmenterConfig,
        data: Sessions,
        held_out: Sessions | None,
        worker: Worker,
        budget: int | None,
        state: State | None,
    ) -> Iterator[Progress]:
        from distrib.trainables.training.loop import train

        values = self.values(config, data)
        model = self._restored(config, values, None, worker)
        batches = self._batches(config, data, worker, seed=config.seed)
        task = SegmenterTask(self, config, model, values, batches, held_out, worker)
        items = train(
            task,
            self.recipe(config),
            worker,
            budget=budget,
            state=state,
            optimizer=lambda model: self.optimizer(config, model),
        )
        return (task.told(item) for item in items)

    def _class_weights(
        self, config: SegmenterConfig, data: Sessions, ignore: int
    ) -> list[float] | None:
        """(K,) most frequent over own frequency among the training frames; 0 where not scored."""
        wanted = config.weight_classes
        if wanted is None:
            wanted = bool(data.weight_classes)
        if not wanted:
            return None
        counts = data.counts(data.hand).astype(float)
        if 0 <= ignore < len(counts):
            counts[ignore] = 0
        return [float(counts.max() / n) if n else 0.0 for n in counts]


def check_signals(values: Mapping[str, Any], data: Sessions) -> None:
    """Raise where the signals are not those that a model was trained on."""
    if list(data.signals) != values["signals"]:
        raise InputError(
            "the signals are not those that the model was trained on",
            found=", ".join(data.signals),
            expected=", ".join(values["signals"]),
        )
