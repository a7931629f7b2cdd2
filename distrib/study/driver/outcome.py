"""What a study came to."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from distrib.cluster.usage import Usage
from distrib.records import StudyRecord
from distrib.study.record.run_folder import RunFolder

Phase = Callable[[str, int, int], None]
"""Tells how far a phase is: name, done, of how many."""


@dataclass
class Outcome:
    """What a study came to.

    Attributes:
        cut: whether the time budget ended the search.
        winner: metrics of the winner: `validation`, `test`, and, where they were asked for,
            `confirmed`: trial -> mean and spread over fresh seeds.
        baselines: name -> metric -> value, test figures as `test/<metric>`.
        seconds: how long each phase took. usage: what it took of a cluster.
    """

    folder: RunFolder
    study: StudyRecord
    interrupted: bool = False
    cut: bool = False
    winner: dict[str, Any] = field(default_factory=dict)
    baselines: dict[str, dict[str, float]] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    seconds: dict[str, float] = field(default_factory=dict)
    usage: Usage | None = None
