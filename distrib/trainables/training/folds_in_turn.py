"""Folds that cannot be stacked in one model: trained in turn within every epoch.

Each fold has a training of its own under the loop; an epoch is over, and scored, when all of
them are through theirs.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
import pandas as pd

from distrib.trainables.base import Progress, State, Worker
from distrib.trainables.training.config import Recipe
from distrib.trainables.training.loop import CHANCE_EVERY, Task, train

Validate = Callable[[], tuple[dict[str, float], Callable[[], pd.DataFrame]]]
"""Scores what all folds predict for the rows they lack; and makes a table of the predictions."""


def train_in_turn(
    tasks: Sequence[Task],
    recipe: Recipe,
    worker: Worker,
    validate: Validate,
    *,
    state: State | None = None,
) -> Iterator[Progress]:
    """Train every fold, an item an epoch, and others as chances to save or stop.

    The recipe's patience is that of the scores over all folds.
    """
    alone = replace(recipe, patience=0)
    parts: list[Callable[[], State] | None] = [None] * len(tasks)
    done, best, waited = 0, -np.inf, 0
    if state is not None:
        done, waited = state.values["epochs"], state.values["waited"]
        best = float(state.arrays["best"][0])
        parts = _parted(state, len(tasks))
    loops = [
        train(task, alone, worker, state=None if part is None else part())
        for task, part in zip(tasks, parts)
    ]
    completed = [done] * len(tasks)  # epochs, of each fold
    if state is not None:
        completed = list(state.values["ahead"])  # so it is called on disk
    offered = time.monotonic()
    losses = np.full(len(tasks), np.nan)
    for epoch in range(done, recipe.epochs):
        if 0 < recipe.patience <= waited:
            return
        for fold, loop in enumerate(loops):
            while completed[fold] <= epoch:
                item = next(loop)
                parts[fold], completed[fold] = item.state, item.fidelity
                losses[fold] = item.train.get("loss", np.nan)
                if time.monotonic() - offered > CHANCE_EVERY:
                    yield Progress(epoch, partial(_merged, parts, completed, epoch, best, waited))
                    offered = time.monotonic()
        metrics, held_out = validate()
        if (value := recipe.watched(metrics)) is not None:
            best, waited = (value, 0) if value > best else (best, waited + 1)
        yield Progress(
            epoch + 1,
            partial(_merged, parts, completed, epoch + 1, best, waited),
            metrics,
            {"loss": float(np.nanmean(losses))} if np.isfinite(losses).any() else {},
            held_out=held_out,
        )
        offered = time.monotonic()


def _merged(
    parts: Sequence[Callable[[], State] | None],
    completed: Sequence[int],
    epochs: int,
    best: float,
    waited: int,
) -> State:
    """The states of all folds in one; of a fold that has not begun there is none."""
    arrays: dict[str, Any] = {"best": np.array([best])}
    values: list[Any] = []
    for fold, part in enumerate(parts):
        own = None if part is None else part()
        values.append(None if own is None else dict(own.values))
        for name, array in ({} if own is None else own.arrays).items():
            arrays[f"fold{fold}.{name}"] = array
    return State(
        arrays, {"epochs": epochs, "waited": waited, "ahead": list(completed), "folds": values}
    )


def _parted(state: State, count: int) -> list[Callable[[], State] | None]:
    parts: list[Callable[[], State] | None] = []
    for fold in range(count):
        prefix = f"fold{fold}."
        arrays = {
            name.removeprefix(prefix): array
            for name, array in state.arrays.items()
            if name.startswith(prefix)
        }
        values = state.values["folds"][fold]
        parts.append(None if values is None else partial(State, arrays, values))
    return parts
