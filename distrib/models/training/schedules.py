"""How the learning rate moves: a factor of its peak, by step, and by plateaus of the loss."""

from __future__ import annotations

import math
from typing import Literal

import numpy as np

Schedule = Literal["constant", "cosine", "one-cycle", "plateau"]

ONE_CYCLE_RISE = 0.3
"""Share of the steps in which one-cycle climbs to its peak (Smith & Topin 2018)."""

ONE_CYCLE_START = 1 / 25


def factor(
    schedule: Schedule, step: float, total: float, warmup: float = 0.0, floor: float = 0.0
) -> float:
    """The learning rate of one step as a fraction of its peak, between 0 and 1.

    Args:
        schedule: "cosine" falls to `floor` after the last step (Loshchilov & Hutter 2017);
            "one-cycle" rises from 1/25 for the first 30% of the steps and falls to 0, both along
            half a cosine; "constant" and "plateau" stay (for the latter see `Plateau`).
        step: this step, counted from 0. total: the number of steps of the whole training. Neither
            need be whole, where steps are of unequal size and progress is counted in rows.
        warmup: fraction of the steps with a linear rise from 0, before the schedule begins
            (one-cycle has a rise of its own and ignores it).
    """
    if schedule == "one-cycle":
        rise = ONE_CYCLE_RISE * total
        if step < rise:
            return ONE_CYCLE_START + (1 - ONE_CYCLE_START) * _half_cosine(1 - step / rise)
        return _half_cosine((step - rise) / (total - rise))
    rise = warmup * total
    if step < rise:
        return (step + 1) / (rise + 1)
    if schedule == "cosine":
        return floor + (1 - floor) * _half_cosine((step - rise) / (total - rise))
    return 1.0


def _half_cosine(x: float) -> float:
    """From 1 at x = 0 to 0 at x = 1."""
    return 0.5 * (1 + math.cos(math.pi * x))


class Plateau:
    """Lowers the learning rate of each replica whose loss has stopped falling.

    Watching the training loss leaves the held-out score clean, and a refit without held-out rows
    follows the same rule; watching the validation loss is what `ReduceLROnPlateau` is used for.

    Args:
        replicas: how many models train side by side; each is judged by itself.
        patience: epochs without a fall of at least a `threshold`th before the rate is lowered.
        decay: what it is multiplied by then.
    """

    def __init__(
        self, replicas: int, patience: int = 3, decay: float = 0.5, threshold: float = 1e-3
    ) -> None:
        self.patience, self.decay, self.threshold = patience, decay, threshold
        self.factor = np.ones(replicas)
        self.best = np.full(replicas, np.inf)
        self.waited = np.zeros(replicas)

    def update(self, loss: np.ndarray) -> None:
        """Look at the losses of an epoch, (replicas,)."""
        better = loss < self.best * (1 - self.threshold * np.sign(self.best))
        self.best = np.where(better, loss, self.best)
        self.waited = np.where(better, 0, self.waited + 1)
        stuck = self.waited > self.patience
        self.factor = np.where(stuck, self.factor * self.decay, self.factor)
        self.waited = np.where(stuck, 0, self.waited)

    def arrays(self) -> dict[str, np.ndarray]:
        """What it remembers, by name."""
        return {"factor": self.factor, "best": self.best, "waited": self.waited}

    def restore(self, arrays: dict[str, np.ndarray]) -> None:
        """Go on from `arrays`."""
        self.factor, self.best, self.waited = (
            arrays[k].copy() for k in ("factor", "best", "waited")
        )
