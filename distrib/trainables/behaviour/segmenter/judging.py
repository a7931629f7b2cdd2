"""What a segmenter's network is given, what of the loss it makes, and how it is judged."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from distrib.data.behaviour.sessions import Sessions
from distrib.data.behaviour.windows import windows
from distrib.trainables.base import Worker
from distrib.trainables.behaviour.figures import METRICS, state_scores
from distrib.trainables.behaviour.segmenter.config import SegmenterConfig
from distrib.trainables.behaviour.segmenter.weights import loss_weights
from distrib.trainables.training.device import autocast, on_device

if TYPE_CHECKING:
    from torch import Tensor, nn

    from distrib.models.behaviour.losses import Part

FRAMES_AT_ONCE = 2**15
"""Frames of a batch that is only looked through."""


def pad_of(config: SegmenterConfig) -> int:
    """Frames on either side of a sequence that its network is given."""
    from distrib.models.behaviour.backbones import Build

    return Build(config.backbone, config.n_hid_layers, config.n_hid_units, config.n_lags).pad


def inputs_of(
    config: SegmenterConfig, values: Mapping[str, Any], rows: Sessions, epoch: int | None = None
) -> dict[str, Any]:
    """Sequences with their padding, as arrays by name (see `data.behaviour.windows`).

    Beside them stand `weights` of the parts of the loss, which may depend on the epoch (None: as
    requested), `class_weights` and `ignore_class`.
    """
    found = windows(rows, pad_of(config), config.velocity)
    own = values["class_weights"]
    inputs: dict[str, Any] = {
        "signals": found.signals,
        "inside": found.inside,
        "hand": found.hand,
        "weak": found.weak,
        "weights": loss_weights(config, epoch),
        "class_weights": None if own is None else np.array(own, dtype=np.float32),
        "ignore_class": values["ignore_class"],
    }
    if found.known is not None:
        inputs["known"] = found.known
    if found.tasks is not None:
        inputs["tasks"] = found.tasks
    return inputs


def parts_of(
    config: SegmenterConfig, found: Mapping[str, Tensor], inputs: Mapping[str, Any]
) -> dict[str, Part]:
    """Every part of the loss of a batch, a sum and a count each."""
    from distrib.models.behaviour.backbones import central
    from distrib.models.behaviour.losses import Targets, loss_parts

    pad, signals = pad_of(config), inputs["signals"]
    measured = inputs["inside"][..., None].expand(-1, -1, signals.shape[-1])
    if "known" in inputs:
        measured = measured & central(inputs["known"], pad)
    targets = Targets(
        inputs["hand"],
        inputs["weak"],
        central(signals, pad),
        measured,
        inputs["inside"],
        inputs.get("tasks"),
    )
    return loss_parts(found, targets, inputs["ignore_class"], inputs["class_weights"])


def loss_figures(config: SegmenterConfig, sums: Mapping[str, Any]) -> dict[str, float]:
    """The loss and its parts."""
    means = _part_means(sums)
    weights = loss_weights(config, None)
    loss = sum(weights[name] * means[name] for name in weights if name in means)
    named = {f"loss_{name}": means[name] for name in weights if name in means}
    if "fc" in means:
        named["fc"] = means["fc"]
    if "task" in means and (spread := float(sums["task_spread"])):
        named["task_r2"] = 1 - float(sums["task"]) / spread
    return {"loss": loss, **named}


def judged(
    config: SegmenterConfig,
    model: nn.Module,
    data: Sessions,
    values: Mapping[str, Any],
    worker: Worker,
) -> tuple[dict[str, float], list[np.ndarray]]:
    """Every metric, and for each sequence (frames,) int16 classes."""
    from distrib.models.behaviour.losses import agreement
    from distrib.models.behaviour.segmenter import class_logits

    sums: dict[str, Any] = {}
    predicted: list[np.ndarray] = []

    def add(name: str, pair: Part) -> None:
        for key, value in zip((name, f"{name}.count"), pair):
            sums[key] = sums.get(key, 0.0) + float(value)

    for inputs, found in looked_through(config, model, data, values, worker):
        for name, pair in parts_of(config, found, inputs).items():
            add(name, pair)
        add("fc", agreement(found, inputs["weak"]))
        if "task" in found:
            known = inputs["tasks"].nan_to_num() * inputs["inside"][..., None]
            sums["task_spread"] = sums.get("task_spread", 0.0) + float((known**2).sum())
        states = class_logits(found).argmax(-1).to("cpu").numpy().astype(np.int16)
        lengths = inputs["inside"].sum(1).tolist()
        predicted += [row[:length] for row, length in zip(states, lengths)]
    figures = loss_figures(config, sums)
    judged = state_scores(data, predicted, values["ignore_class"])
    if not np.isfinite(figures["loss"]):  # the classes of a network of NaN mean nothing
        judged = dict.fromkeys(judged, np.nan)
    named = {**judged, **figures}
    first = [m.name for m in METRICS if m.name in named]
    return {name: named[name] for name in [*first, *sorted(set(named) - set(first))]}, predicted


def looked_through(
    config: SegmenterConfig,
    model: nn.Module,
    data: Sessions,
    values: Mapping[str, Any],
    worker: Worker,
) -> Iterator[tuple[dict[str, Any], dict[str, Tensor]]]:
    """Inputs and what the network makes of them, in the order of the sequences."""
    import torch

    model.eval()
    size = max(1, FRAMES_AT_ONCE // (config.sequence_length + 2 * pad_of(config)))
    for first in range(0, len(data), size):
        rows = data.take(np.arange(first, min(first + size, len(data))))
        inputs = {k: on_device(v, worker) for k, v in inputs_of(config, values, rows).items()}
        with torch.inference_mode(), autocast(worker):
            found = model(inputs["signals"])
        yield inputs, found


def _part_means(sums: Mapping[str, Any]) -> dict[str, float]:
    """`loss_<part>` of sums and counts called `<part>` and `<part>.count`."""
    means = {}
    for name, value in sums.items():
        if f"{name}.count" in sums and (count := float(sums[f"{name}.count"])):
            means[name] = float(value) / count
    return means
