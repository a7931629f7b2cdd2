"""The options of `distrib.tune` and `distrib.train` that shape a study."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from distrib.cluster.connect import Resources


@dataclass(frozen=True)
class Options:
    """The options of `distrib.tune` that shape a study; None leaves the choice to the space.

    Attributes:
        fixed: `--set`: parameters, or data options as `data.<name>`.
        max_budget: the most of the family's units of fidelity that a trial trains.
        bootstrap: replicates of the winner. bootstrap_of: what they draw, of the family's kinds.
        time_budget: seconds.
        save_every: least seconds between two checkpoints of a trial.
        split_seed: chooses the test part; None: `seed` does.
    """

    data: str | None = None
    trials: int | None = None
    max_budget: int | None = None
    concurrent: int | None = None
    resources: Resources = field(default_factory=Resources)
    address: str | None = None
    sampler: str | None = None
    scheduler: str | None = None
    time_budget: float | None = None
    seed: int = 0
    metric: str | None = None
    fixed: Mapping[str, Any] = field(default_factory=dict)
    test_fraction: float = 0.15
    keep: int = 3
    confirm: int = 0
    bootstrap: int = 0
    bootstrap_of: str | None = None
    precision: str | None = None
    device: str | None = None
    allow_custom: bool = False
    debug: bool = False
    save_every: float = 10.0
    split_seed: int | None = None

    @property
    def seed_of_parts(self) -> int:
        """The seed that chooses the test part."""
        return self.seed if self.split_seed is None else self.split_seed
