"""What a segmenter's network is given, what of the loss it makes, and how it is judged."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

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

FIGURES = (
    "loss",
    "loss_weak",
    "fc",
    "loss_strong",
    "loss_pred",
    "loss_recon",
    "loss_task",
    "task_r2",
    "kl_weight",
    "loss_kl",
)
"""What `loss_figures` may tell, in the order of daart's tables."""

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


def told_of(found: Mapping[str, Tensor], inputs: Mapping[str, Any]) -> dict[str, Part]:
    """What figures need beside the parts of the loss: `fc`, and of tasks their `spread`."""
    from distrib.models.behaviour.losses import agreement

    told = {"fc": agreement(found, inputs["weak"])}
    if "task" in found and "tasks" in inputs:
        known = inputs["tasks"].nan_to_num() * inputs["inside"][..., None]
        told["spread"] = (known**2).sum(), inputs["inside"].sum()
    return told


def loss_figures(
    config: SegmenterConfig, sums: Mapping[str, tuple[float, float]], epoch: int | None = None
) -> dict[str, float]:
    """The loss, which is the weighted sum of the means of its parts, and they.

    Args:
        sums: the sum and the count of each part. epoch: whose weights they have; None: as
            requested.
    """
    means = {name: value / count for name, (value, count) in sums.items() if count}
    weights = loss_weights(config, epoch)
    loss = sum(weights[name] * means[name] for name in weights if name in means)
    named = {f"loss_{name}": means[name] for name in weights if name in means}
    if "fc" in means:
        named["fc"] = means["fc"]
    if "task" in means and sums["spread"][0]:
        named["task_r2"] = 1 - sums["task"][0] / sums["spread"][0]
    if "kl" in means:
        named["kl_weight"] = weights["kl"]
    return {"loss": loss, **named}


class Judged(NamedTuple):
    """A network judged on sequences.

    Attributes:
        metrics: every metric. predicted: for each sequence (frames,) int16 classes.
        sessions: of each session's own sequences the loss and its parts.
    """

    metrics: dict[str, float]
    predicted: list[np.ndarray]
    sessions: dict[int, dict[str, float]]


def judged(
    config: SegmenterConfig,
    model: nn.Module,
    data: Sessions,
    values: Mapping[str, Any],
    worker: Worker,
    epoch: int | None = None,
) -> Judged:
    """Judge a network.

    Args:
        epoch: whose weights the parts of the loss have; None: as requested, which is comparable.
    """
    from distrib.models.behaviour.segmenter import class_logits

    sums: dict[int, dict[str, tuple[float, float]]] = {}
    predicted: list[np.ndarray] = []
    for inputs, found in looked_through(config, model, data, values, worker):
        lengths = inputs["inside"].sum(1).tolist()
        groups = data.groups[len(predicted) : len(predicted) + len(lengths)]
        for session in np.unique(groups).tolist():
            rows = np.flatnonzero(groups == session).tolist()
            whole = len(rows) == len(groups)
            own, of_own = (inputs, found) if whole else (_rows(inputs, rows), _rows(found, rows))
            _add(sums.setdefault(session, {}), parts_of(config, of_own, own))
            _add(sums[session], told_of(of_own, own))
        states = class_logits(found).argmax(-1).to("cpu").numpy().astype(np.int16)
        predicted += [row[:length] for row, length in zip(states, lengths)]
    total: dict[str, tuple[float, float]] = {}
    for pairs in sums.values():
        _add(total, pairs)
    figures = loss_figures(config, total, epoch)
    judged = state_scores(data, predicted, values["ignore_class"])
    if not np.isfinite(figures["loss"]):  # the classes of a network of NaN mean nothing
        judged = dict.fromkeys(judged, np.nan)
    named = {**judged, **figures}
    first = [m.name for m in METRICS if m.name in named]
    metrics = {name: named[name] for name in [*first, *sorted(set(named) - set(first))]}
    each = {session: loss_figures(config, pairs, epoch) for session, pairs in sums.items()}
    return Judged(metrics, predicted, each)


def _rows(arrays: Mapping[str, Any], rows: list[int]) -> dict[str, Any]:
    """Some sequences of a batch; what is not of sequences stays as it is."""
    of_sequences = {name for name, value in arrays.items() if getattr(value, "ndim", 0) > 1}
    return {k: v[rows] if k in of_sequences else v for k, v in arrays.items()}


def _add(sums: dict[str, tuple[float, float]], parts: Mapping[str, Any]) -> None:
    for name, (value, count) in parts.items():
        before = sums.get(name, (0.0, 0.0))
        sums[name] = before[0] + float(value), before[1] + float(count)


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
