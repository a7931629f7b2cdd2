"""A class for every frame: a backbone, and a head for each part of the loss.

Axes in the shapes: B sequences, T frames, p frames of padding, N signals, K classes, J tasks.
"""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor, nn

from distrib.models.behaviour.backbones import (
    Build,
    central,
    make_backbone,
    mean_and_sample,
)


@dataclass(frozen=True)
class Heads:
    """Which heads there are."""

    strong: bool
    weak: bool
    pred: bool
    recon: bool
    task: bool
    variational: bool = False


class Segmenter(nn.Module):
    """Signals with padding in, what each head says out, for the frames without padding."""

    def __init__(
        self, build: Build, heads: Heads, num_signals: int, num_classes: int, num_tasks: int
    ) -> None:
        super().__init__()
        self.pad = build.pad
        width = build.n_hid_units
        self.backbone = make_backbone(build, num_signals)
        self.classifier = nn.Linear(width, num_classes) if heads.strong else None
        self.classifier_weak = nn.Linear(width, num_classes) if heads.weak else None
        self.predictor = make_backbone(build, width, num_signals) if heads.pred else None
        self.decoder = make_backbone(build, width, num_signals) if heads.recon else None
        self.task_predictor = None
        if heads.task:
            self.task_predictor = nn.Sequential(
                nn.Linear(width, width), nn.LeakyReLU(0.05), nn.Linear(width, num_tasks)
            )
        self.mean = nn.Linear(width, width) if heads.variational else None
        self.logvar = nn.Linear(width, width) if heads.variational else None

    def forward(self, signals: Tensor) -> dict[str, Tensor]:
        """(B, T + 2p, N) -> what there is of

        strong, weak: (B, T, K) logits. pred, recon: (B, T, N), signals of the next and of the same
        frame. task: (B, T, J). mean, logvar: (B, T, H).
        """
        features = self.backbone(signals)
        found: dict[str, Tensor] = {}
        if self.mean is not None and self.logvar is not None:
            mean, logvar = self.mean(features), self.logvar(features)
            features = mean_and_sample(mean, logvar, self.training)
            found |= {"mean": central(mean, self.pad), "logvar": central(logvar, self.pad)}
        if self.predictor is not None:
            found["pred"] = central(self.predictor(features), self.pad)
        if self.decoder is not None:
            found["recon"] = central(self.decoder(features), self.pad)
        features = central(features, self.pad)
        heads = {
            "strong": self.classifier,
            "weak": self.classifier_weak,
            "task": self.task_predictor,
        }
        return found | {name: head(features) for name, head in heads.items() if head is not None}


def class_logits(found: dict[str, Tensor]) -> Tensor:
    """(B, T, K) of the head that was trained on hand labels, else of that on heuristics."""
    return found["strong"] if "strong" in found else found["weak"]
