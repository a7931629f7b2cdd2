"""What a dry run measures, by a clock that the family turns."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from distrib.study.worker.first_units import first_units
from distrib.trainables.base import Config, Progress, State, Worker

STATE = State({"w": np.zeros(10)})


class Clock:
    """Stands still until it is turned."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


class Slow:
    """Yields what it is told, each item (seconds, part) or (seconds, None) for a whole unit."""

    framework = None

    def __init__(self, clock: Clock, *items: tuple[float, float | None]) -> None:
        self.clock, self.items = clock, items

    def progress(self, config: Config, data: Any, worker: Worker) -> Iterator[Progress]:
        whole = 0
        for seconds, part in self.items:
            self.clock.now += seconds
            if part is None:
                whole += 1
                yield Progress(whole, lambda: STATE, {"loss": 1.0 / whole}, model=lambda: STATE)
            else:
                yield Progress(0, lambda: STATE, part=lambda part=part: part)  # type: ignore[misc]


@pytest.mark.parametrize(
    ("items", "seconds", "part"),
    [
        ([(3, None), (2, None), (9, None)], 2, None),
        ([(3, None)], 3, None),
        ([(11, 0.1), (11, 0.3), (99, None)], 55, 0.3),  # the beginning warms up
        ([(40, 0.05)], 800, 0.05),
        ([(12, 0.5), (7, None), (5, None)], 5, None),
        ([(19, None), (11, 0.5), (11, 0.9), (9, None)], 19, None),
    ],
)
def test_seconds_of_a_unit(
    items: list[tuple[float, float | None]], seconds: float, part: float | None
) -> None:
    clock = Clock()
    slow: Any = Slow(clock, *items)
    found = first_units(slow, Config(), None, Worker(), clock=clock)
    assert found["seconds"] == pytest.approx(seconds)
    assert found.get("part") == part
    assert found.get("metrics") == ({"loss": 1.0} if part is None else None)  # of the first
    assert found["bytes"] == 80
    assert found["memory"] > 0


def test_a_checkpoint_may_hold_two_models() -> None:
    slow: Any = Slow(Clock(), (1, None))
    found = first_units(slow, Config(), None, Worker(), keeps_best=True, clock=Clock())
    assert found["bytes"] == 160


def test_nothing_is_reported() -> None:
    slow: Any = Slow(Clock())
    found = first_units(slow, Config(), None, Worker(), clock=Clock())
    assert "without a report" in found["error"]
