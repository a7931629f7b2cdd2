"""A study in simulated time: samplers and stopping rules as the platform has them, without Ray."""

from __future__ import annotations

import heapq
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import optuna

from distrib.study.search.promotion import PAUSES
from distrib.study.search.samplers import build_sampler
from distrib.study.search.schedulers import build_rule
from distrib.study.space.space import Space

Curve = Callable[[dict[str, Any]], np.ndarray]
"""Configuration -> (epochs,) accuracies."""

GRACE, FACTOR = 4, 3


@dataclass
class Found:
    """What a study came to, an entry for every epoch that was trained, in order.

    Attributes:
        best: the best accuracy so far. configs, stops: of each trial, and its last epoch.
    """

    best: list[float] = field(default_factory=list)
    configs: list[dict[str, Any]] = field(default_factory=list)
    stops: dict[int, int] = field(default_factory=dict)

    def trained(self, number: int, epoch: int, accuracy: float) -> None:
        self.best.append(max(accuracy, self.best[-1] if self.best else -np.inf))
        self.stops[number] = epoch

    def best_after(self, epochs: int) -> float:
        """The best accuracy after so many epochs in all, or at the end."""
        return self.best[min(epochs, len(self.best)) - 1]


def ours(
    space: Space,
    curve: Curve,
    seed: int,
    trials: int,
    workers: int,
    sampler: str,
    rule: str,
    *,
    grace: int = GRACE,
    factor: float = FACTOR,
) -> Found:
    """A study of the platform: its sampler for every trial, its rule at every epoch."""
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    study = optuna.create_study(direction="maximize")
    judge: Any = None
    pauses = rule == "asha-promotion"

    def begin(number: int) -> tuple[Any, dict[str, Any]]:
        study.sampler = build_sampler(sampler, seed, number, {}, space=space, pauses=pauses)
        trial = study.ask()
        return trial, space.suggest(trial)

    def stops(trial: Any, epoch: int, best: float, value: float, epochs: int) -> bool:
        nonlocal judge
        judge = judge or build_rule(rule, grace=grace, factor=factor, max_budget=epochs, seed=seed)
        trial.report(value, epoch)
        stopped = epoch < epochs and judge.stops(trial.number, epoch, best)
        if stopped and pauses:
            trial.set_user_attr(PAUSES, [[0]])
        return stopped

    def goes_on(last: bool) -> int | None:
        if judge is None or not pauses:
            return None
        number: int | None = judge.next
        if number is None and last:
            number = judge.foremost()
        if number is not None:
            judge.leaves(number)
        return number

    return _simulated(study, begin, stops, curve, trials, workers, goes_on if pauses else None)


def optunas(
    space: Space, curve: Curve, seed: int, trials: int, workers: int, sampler: Any, pruner: Any
) -> Found:
    """A study of plain Optuna."""
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    study = optuna.create_study(direction="maximize", sampler=sampler, pruner=pruner)

    def begin(number: int) -> tuple[Any, dict[str, Any]]:
        trial = study.ask()
        return trial, space.suggest(trial)

    def stops(trial: Any, epoch: int, best: float, value: float, epochs: int) -> bool:
        trial.report(best, epoch)
        return epoch < epochs and bool(trial.should_prune())

    return _simulated(study, begin, stops, curve, trials, workers)


def first_look(
    space: Space, curve: Curve, seed: int, trials: int, workers: int, epochs: int = 2, top: int = 3
) -> Found:
    """Random configurations a few epochs each, then the best of them to the end."""
    study = optuna.create_study(direction="maximize")
    found = Found()
    curves = []
    for number in range(trials):
        study.sampler = build_sampler("random", seed, number, {}, space=space)
        found.configs.append(space.suggest(study.ask()))
        curves.append(curve(found.configs[-1]))
        for epoch in range(1, epochs + 1):
            found.trained(number, epoch, curves[-1][epoch - 1])
    chosen = sorted(range(trials), key=lambda k: -curves[k][:epochs].max())[:top]
    for epoch in range(epochs + 1, len(curves[0]) + 1):
        for number in chosen:
            found.trained(number, epoch, curves[number][epoch - 1])
    return found


def _simulated(
    study: optuna.Study,
    begin: Callable[[int], tuple[Any, dict[str, Any]]],
    stops: Callable[[Any, int, float, float, int], bool],
    curve: Curve,
    trials: int,
    workers: int,
    goes_on: Callable[[bool], int | None] | None = None,
) -> Found:
    """Every epoch takes one unit of time, of any configuration; equal times by trial.

    Args:
        goes_on: where trials that are stopped wait: which of them goes on now, if one does; asked
            with whether none of the others could, since none runs or has come to its end.
    """
    found = Found()
    running: list[tuple[int, int]] = []  # the time at which an epoch ends, and the trial
    live: dict[int, tuple[Any, np.ndarray, int]] = {}
    begun = now = 0
    whole = False
    while True:
        while len(running) < workers:
            full = begun == trials
            number = goes_on(full and not running and not whole) if goes_on else None
            if number is not None:
                live[number][0].set_user_attr(PAUSES, [[0, 0]])
            elif full:
                break
            else:
                number, begun = begun, begun + 1
                trial, config = begin(number)
                found.configs.append(config)
                live[number] = (trial, curve(config), 1)
            heapq.heappush(running, (now + 1, number))
        if not running:
            break
        now, number = heapq.heappop(running)
        trial, values, epoch = live[number]
        best, value = float(values[:epoch].max()), float(values[epoch - 1])
        found.trained(number, epoch, value)
        live[number] = (trial, values, epoch + 1)
        if stops(trial, epoch, best, value, len(values)):
            if goes_on is None:
                study.tell(trial, state=optuna.trial.TrialState.PRUNED)
        elif epoch == len(values):
            study.tell(trial, best)
            whole = True
        else:
            heapq.heappush(running, (now + 1, number))
    return found
