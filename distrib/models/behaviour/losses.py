"""The parts of a segmenter's loss, each a sum over frames and what it is divided by.

A part with nothing to divide by contributes nothing: that is what batches without labels are.

Axes in the shapes: B sequences, T frames, N signals, K classes, J tasks.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from distrib.models.behaviour.segmenter import class_logits

Part = tuple[Tensor, Tensor]
"""A sum and a count, scalars."""


@dataclass(frozen=True)
class Targets:
    """What is known of the frames of some sequences.

    Attributes:
        hand, weak: (B, T) integer classes, below 0 where there is no label.
        signals: (B, T, N). measured: (B, T, N) bool, where they count.
        tasks: (B, T, J), NaN where unknown; None without.
        inside: (B, T) bool, the frames of the sequences.
    """

    hand: Tensor
    weak: Tensor
    signals: Tensor
    measured: Tensor
    inside: Tensor
    tasks: Tensor | None = None


def loss_parts(
    found: Mapping[str, Tensor], targets: Targets, ignore_class: int, weights: Tensor | None
) -> dict[str, Part]:
    """Every part whose head there is.

    - strong: cross-entropy of the hand labels, background (`ignore_class`) left out; with weights
      of the classes, sum w_y l / sum w_y.
    - weak: the same of the heuristics' labels, at frames without a hand label; at all where no
      head learns hand labels.
    - pred, recon: squared error of the next frame's signals, and of the frame's own.
    - task: squared error of the tasks.
    - kl: to a standard normal, twice, as squared errors are not halved either.

    Args:
        weights: (K,) of the classes; None: 1 each.
    """
    parts: dict[str, Part] = {}
    if "strong" in found:
        labels = targets.hand
        known = (labels >= 0) & (labels != ignore_class)
        parts["strong"] = _cross_entropy(found["strong"], labels, known, weights)
    if "weak" in found:
        labels = targets.weak
        known = (labels >= 0) & (labels != ignore_class)
        if "strong" in found:
            known = known & (targets.hand == 0)
        parts["weak"] = _cross_entropy(found["weak"], labels, known, weights)
    if "pred" in found:
        parts["pred"] = _squared(
            found["pred"][:, :-1], targets.signals[:, 1:], targets.measured[:, 1:]
        )
    if "recon" in found:
        parts["recon"] = _squared(found["recon"], targets.signals, targets.measured)
    if "task" in found and targets.tasks is not None:
        known = torch.isfinite(targets.tasks) & targets.inside[..., None]
        parts["task"] = _squared(found["task"], torch.nan_to_num(targets.tasks), known)
    if "mean" in found:
        mean, logvar = found["mean"].float(), found["logvar"].float()
        each = (logvar.exp() - logvar + mean**2 - 1).sum(-1)
        parts["kl"] = (each * targets.inside).sum(), targets.inside.sum()
    return parts


def total(parts: Mapping[str, Part], weights: Mapping[str, float]) -> Tensor:
    """The weighted sum of the parts' means."""
    return sum(
        (weights[name] * value / count.clamp(min=_TINY) for name, (value, count) in parts.items()),
        start=torch.zeros((), device=next(iter(parts.values()))[0].device),
    )


_TINY = 1e-12


def agreement(found: Mapping[str, Tensor], weak: Tensor) -> Part:
    """Frames whose class is that of the heuristics, of the frames that have one of theirs."""
    known = weak >= 0
    same = (class_logits(dict(found)).argmax(-1) == weak) & known
    return same.sum(), known.sum()


def _cross_entropy(logits: Tensor, labels: Tensor, known: Tensor, weights: Tensor | None) -> Part:
    chosen = labels.long()[known]
    each = cross_entropy(logits.float()[known], chosen, reduction="none")
    if weights is None:
        return each.sum(), known.sum()
    factor = weights[chosen]
    return (factor * each).sum(), factor.sum()


def _squared(predicted: Tensor, true: Tensor, known: Tensor) -> Part:
    each = (predicted.float() - true) ** 2
    return (each * known).sum(), known.sum()
