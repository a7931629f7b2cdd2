"""Where and with which family a task works."""

from __future__ import annotations

from dataclasses import dataclass

from distrib.trainables.base import Worker


@dataclass(frozen=True)
class FamilySpec:
    """Where and with which family a task works."""

    trainable: str
    worker: Worker
    allow_custom: bool = False
