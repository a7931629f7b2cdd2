"""A family whose groups wait for each other: proof that two are at work at once."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path

from distrib.trainables.base import Progress, Source, State, Worker
from tests.families.toys import CurveConfig, Points, Together

PATIENCE = 90.0  # seconds for the other group to come


class Meeting(Together):
    """Curves by groups of two that begin when two groups are there: in the folder `options`.

    A line is added to the file that is its data for each time that it is read: by which node.
    """

    def load(self, source: Source, *, targets: bool = True) -> Points:
        import ray

        with Path(str(source.path)).open("a") as file:
            file.write(f"{ray.get_runtime_context().get_node_id()}\n")
        return super().load(source, targets=targets)

    def progress(
        self, config: CurveConfig, data: Points, worker: Worker, state: State | None = None
    ) -> Iterator[Progress]:
        meeting = Path(config.options)
        (meeting / str(os.getpid())).touch()
        end = time.monotonic() + PATIENCE
        while len(list(meeting.iterdir())) < 4:
            if time.monotonic() > end:
                raise RuntimeError("no other group came")
            time.sleep(0.05)
        yield from super().progress(config, data, worker, state)
