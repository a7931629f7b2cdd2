"""Where and with which family a task works."""

from __future__ import annotations

from dataclasses import dataclass

from distrib.study.worker.carrier import Carrier
from distrib.trainables.base import Worker


@dataclass(frozen=True)
class FamilySpec:
    """Where and with which family a task works, and how it comes by the study's files."""

    trainable: str
    worker: Worker
    allow_custom: bool = False
    carrier: Carrier | None = None
