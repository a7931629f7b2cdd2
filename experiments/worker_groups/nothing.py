"""Trials of several workers that compute next to nothing, but wrap a model as real ones do."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from family import Work

from distrib.trainables.base import Progress, State


class Nothing(Work):
    """The family of `experiments/orchestration` on a group of workers."""

    framework = "torch"
    max_workers = None

    def progress(
        self, config: Any, data: Any, worker: Any, state: State | None = None
    ) -> Iterator[Progress]:
        import torch

        model = worker.wrap(torch.nn.Linear(512, 512))
        for item in super().progress(config, data, worker, state):
            model(torch.ones(8, 512)).sum().backward()
            yield item
