"""The replay of studies in simulated time does what the platform does."""

from __future__ import annotations

import heapq
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from distrib.study.worker.reports import Message, Pace
from experiments.search_quality.replay import ours
from tests.support.simulate import Simulation, toy_plan

EPOCHS = 9
EVERY = Pace(frozenset(range(1, EPOCHS + 1)))  # each unit is told at once


def in_simulated_time(study: Simulation) -> None:
    """Every unit takes one unit of time; equal times by trial."""
    search = study.open()
    live: dict[int, Iterator[Message]] = {}
    running: list[tuple[int, int]] = []
    now = 0
    while True:
        while (assignment := search.ask()) is not None:
            live[assignment.number] = study.messages(assignment, EVERY)
            heapq.heappush(running, (now + 1, assignment.number))
        if not running:
            break
        now, number = heapq.heappop(running)
        message = next(live[number])
        over = search.hear(number, message)
        if not over and message.rows[-1]["step"] == EPOCHS:
            over = search.hear(number, next(live[number]))
        if over:
            live.pop(number).close()
            search.end(number)
        else:
            heapq.heappush(running, (now + 1, number))
    study.close()


@pytest.mark.parametrize("workers", [1, 3])
@pytest.mark.parametrize("rule", ["asha", "asha-promotion", "hyperband", "none"])
@pytest.mark.parametrize("sampler", ["gp", "tpe"])
def test_a_replay_has_the_configurations_and_stops_of_the_platform(
    sampler: str, rule: str, workers: int, tmp_path: Path
) -> None:
    plan = toy_plan({"noise": 0}, trials=18, seed=5, sampler=sampler, scheduler=rule)
    study = Simulation(plan, tmp_path, actors=workers)
    in_simulated_time(study)

    def curve(config: dict[str, Any]) -> np.ndarray:
        steps = np.arange(1, EPOCHS + 1)
        return config["height"] * (1 - np.exp(-config["rate"] * steps))

    found = ours(plan.space, curve, 5, 18, workers, sampler, rule, grace=1, factor=3)
    trials = study.search.study.trials
    names = ("height", "rate")
    assert [{n: c[n] for n in names} for c in found.configs] == [t.params for t in trials.values()]
    assert found.stops == {number: t.fidelity for number, t in trials.items()}
