"""What one configuration takes, for `--dry-run`: the seconds of a unit, and a process's memory."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from distrib.trainables.base import Config, State, Trainable, Worker
from distrib.trainables.framework import peak_memory

LONGEST = 20.0
"""Seconds of work after which a part of a unit is enough to foretell the whole."""


def first_units(
    family: Trainable[Any, Any, Any],
    config: Config,
    data: Any,
    worker: Worker,
    *,
    keeps_best: bool = False,
    clock: Callable[[], float] = time.monotonic,
) -> dict[str, Any]:
    """Train one or two units, or a part of the first where it is a long one.

    Of two units the second's time counts: the first has compiling and warming up in it. Of a unit
    that is left unfinished the time is foretold by its parts (`Progress.part`), the later of them
    where there are several; judging it on the rows held out is then not in it.

    Args:
        keeps_best: whether a checkpoint also has the model of the best unit.

    Returns:
        `seconds` of a unit, `bytes` of a checkpoint, `memory` of the process at its peak, in bytes,
        and either the `metrics` after the first unit, or in `part` how much of it was done.
    """
    found: dict[str, Any] = {"error": "the training ended without a report"}
    whole = 0  # units that are done
    began = before = clock()
    share = 0.0  # of the unit under way, at `before`
    for item in family.progress(config, data, worker):
        now = clock()
        if item.metrics is not None:
            whole += 1
            first = found.get("metrics", dict(item.metrics))
            found = {"metrics": first, "seconds": now - began}
        elif now - began >= LONGEST and whole:
            break  # the first is enough
        elif item.part is None:
            continue
        elif now - began < LONGEST:
            before, share = now, item.part()
            continue
        else:
            part = item.part()
            found = {"part": part, "seconds": (now - before) / (part - share)}
        size = _size(item.state())
        size += _size(item.model()) if keeps_best and item.model else 0
        found |= {"bytes": size, "memory": peak_memory(family, worker)}
        if whole != 1:
            break
        began = before = clock()
        share = 0.0
    return found


def _size(state: State) -> int:
    return sum(array.nbytes for array in state.arrays.values())
