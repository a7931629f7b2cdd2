"""The segmenter: a network that gives every frame of a recording a class.

A trial trains on a part of each session's sequences and is judged on others of the same sessions;
the test is a session of its own. Labels of the hand, heuristics, the next frame and tasks each have
a head and a weight in the loss, as in daart (Whiteway et al. 2021).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from distrib.data.behaviour.sequences import cut
from distrib.data.behaviour.sessions import Sessions
from distrib.data.behaviour.splitting import scored_from
from distrib.data.streams.stream_batches import Rows
from distrib.errors import InputError
from distrib.trainables.base import Fidelity, Metric, Progress, State, Worker
from distrib.trainables.behaviour.base import (
    Segmentation,
    check_classes,
    check_labelled,
    check_signals,
    scaling_of,
)
from distrib.trainables.behaviour.figures import METRICS
from distrib.trainables.behaviour.segmenter.checks import check_training
from distrib.trainables.behaviour.segmenter.config import SegmenterConfig
from distrib.trainables.behaviour.segmenter.judging import (
    Judged,
    inputs_of,
    judged,
    looked_through,
    parts_of,
    told_of,
)
from distrib.trainables.behaviour.segmenter.memory import add_up, chosen
from distrib.trainables.behaviour.segmenter.shipped import SHIPPED
from distrib.trainables.behaviour.segmenter.task import SegmenterTask
from distrib.trainables.behaviour.source import SessionsSource
from distrib.trainables.training.batches import Batches
from distrib.trainables.training.config import Recipe
from distrib.trainables.training.task import Batch, Use
from distrib.trainables.training.torch_training import TorchTraining
from distrib.trainables.training_rows import remember, remember_in_models

if TYPE_CHECKING:
    from torch import Tensor, nn
    from torch.optim import Optimizer

AS_THE_WINNER = (
    "epochs",
    "min_epochs",
    "patience",
    "ignore_class",
    "weight_classes",
    "trial_splits",
    "split_seed",
)
"""What daart's configuration has of the winner's, where they are compared."""


class Segmenter(
    Segmentation[SegmenterConfig], TorchTraining[SegmenterConfig, SessionsSource, Sessions]
):
    """Dilated TCN, temporal MLP, LSTM or GRU over signals, with heads of hand and weak labels."""

    Config = SegmenterConfig
    metrics: ClassVar[tuple[Metric, ...]] = METRICS
    fidelity = Fidelity("epoch", "epochs")
    max_workers = 1

    def check(self, config: SegmenterConfig, data: Sessions, num_workers: int = 1) -> None:
        """There are labels and heads for what is asked, and labelled frames in both parts."""
        check_training(config, data)
        train, validation = self.split(config, data)
        if config.lambda_strong:
            parts = {"training": train, "validation": validation}
            check_labelled(parts, config.sequence_length)
        super().check(config, data, num_workers)

    def values(self, config: SegmenterConfig, data: Sessions) -> dict[str, Any]:
        """Names, what is not scored, weights of the classes, and the figures of the z-scoring."""
        ignore = scored_from(config.ignore_class, data)
        if config.classifier_type == "binary":
            ignore = -100
        return {
            "signals": list(data.signals),
            "classes": list(data.classes),
            "tasks": list(data.task_names),
            "ignore_class": ignore,
            "class_weights": self._class_weights(config, data, ignore),
            "scaling": scaling_of(data),
        }

    def build(self, config: SegmenterConfig, values: Mapping[str, Any]) -> nn.Module:
        """The network of a backbone and its heads."""
        import torch

        from distrib.models.behaviour.backbones import Build
        from distrib.models.behaviour.segmenter import Heads, Segmenter

        if config.rng_seed_model is not None:
            torch.manual_seed(config.rng_seed_model)
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
        """Sequences with their padding, and how the epoch weighs the parts of the loss."""
        epoch = use.epoch if use.purpose == "train" else None
        return Batch(inputs_of(config, values, rows, epoch), len(rows))

    def losses(self, config: SegmenterConfig, model: Any, inputs: dict[str, Any]) -> Tensor:
        """The loss of the batch times its sequences; its parts are added to `inputs["sums"]`."""
        from distrib.models.behaviour.losses import total

        found = model(inputs["signals"])
        parts = parts_of(config, found, inputs)
        add_up(inputs["sums"], {**parts, **told_of(found, inputs)})
        return total(parts, inputs["weights"]) * len(inputs["inside"])

    def task(
        self,
        config: SegmenterConfig,
        model: nn.Module,
        values: dict[str, Any],
        batches: Batches,
        held_out: Sessions | None,
        worker: Worker,
    ) -> SegmenterTask:
        """With labels of the network's own, and a memory for the best epoch's weights."""
        return SegmenterTask(self, config, model, values, batches, held_out, worker)

    def blocks(self, model: nn.Module) -> Sequence[nn.Module]:
        """The residual blocks, of the other backbones the whole."""
        backbone: Any = model.backbone
        return [*getattr(backbone, "blocks", [backbone])]

    def judge(
        self,
        config: SegmenterConfig,
        model: nn.Module,
        data: Sessions,
        values: Mapping[str, Any],
        worker: Worker,
    ) -> dict[str, float]:
        """Every metric of a network on sequences."""
        return judged(config, model, data, values, worker).metrics

    def progress(
        self, config: SegmenterConfig, data: Sessions, worker: Worker, state: State | None = None
    ) -> Iterator[Progress]:
        """Train on a part of the sequences; each epoch is judged on the others."""
        train, held_out = self.split(config, data)
        items = self._train(config, train, held_out, worker, None, state)
        return remember_in_models(items, data.names())  # not a name for every frame

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

    def probabilities(
        self, config: SegmenterConfig, state: State, sequences: Sessions, worker: Worker
    ) -> Iterator[np.ndarray]:
        """For each sequence (frames, K) float32."""
        from distrib.models.behaviour.segmenter import class_logits

        model = self.network(config, state, worker)
        for inputs, found in looked_through(config, model, sequences, state.values, worker):
            chances = class_logits(found).float().softmax(-1).to("cpu").numpy()
            for row, length in zip(chances, inputs["inside"].sum(1).tolist()):
                yield row[:length]

    def evaluate(
        self, config: SegmenterConfig, state: State, data: Sessions, worker: Worker
    ) -> dict[str, float]:
        """Every metric over the sessions."""
        check_signals(state.values, data)
        check_classes(state.values, data)
        model = self.network(config, state, worker)
        sequences = cut(data, config.sequence_length)
        return self.judge(config, model, sequences, state.values, worker)

    def baselines(
        self, config: SegmenterConfig, data: Sessions, test: Sessions | None, worker: Worker
    ) -> dict[str, dict[str, float]]:
        """The commonest class, the heuristics, and daart's configuration at its last epoch.

        It is trained for as long as the winner may be: stopped early where that is.
        """
        simple = super().baselines(config, data, test, worker)
        shipped = SegmenterConfig.model_validate(
            {**SHIPPED, **{name: getattr(config, name) for name in AS_THE_WINNER}}
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

    def network(self, config: SegmenterConfig, state: State, worker: Worker) -> nn.Module:
        """The network of a state: of its best validated epoch, where there was validation."""
        arrays, _ = chosen(state.arrays)
        return self._restored(config, state.values, State(arrays, state.values), worker)

    def untrained(self, config: SegmenterConfig, data: Sessions, worker: Worker) -> Judged:
        """The network before its first step, on the sequences that it trains on."""
        train, _ = self.split(config, data)
        values = self.values(config, train)
        model = self._fresh(config, values, worker, begins=True)
        return judged(config, model, train, values, worker, epoch=0)

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
