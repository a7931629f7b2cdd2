"""Seconds to the macro-F1 that daart's loop has after 50 epochs, by a batch size and rate found.

`python experiments/behaviour/speed.py`: both train here, one after the other, with one thread,
on the simulated sessions and the same split; seconds are of the CPU, so that others on the machine
do less harm. The first is the loop as described: batches of 2 sequences of 500 frames, learning
rate 1e-4, validation one sequence at a time. The second has the batch size and rate that a small
grid found, by validation after three epochs each.
"""

from __future__ import annotations

import time
from typing import Any

from distrib.trainables.base import Worker
from distrib.trainables.behaviour.segmenter import judging as module
from distrib.trainables.behaviour.segmenter.family import Segmenter
from distrib.trainables.behaviour.segmenter.shipped import SHIPPED

EPOCHS = 50
GRID = [
    {"batch_size": size, "sequence_length": 250, "learning_rate": rate}
    for size in (4, 8, 16)
    for rate in (3e-3, 1e-2)
]
SEARCH_EPOCHS = 3
SPLIT = "3;1;0;0"


def curve(family: Segmenter, values: dict[str, Any], data: Any) -> tuple[list[float], list[float]]:
    """Seconds after each epoch, and the macro-F1 of each."""
    config = family.Config.model_validate(
        {**SHIPPED, "patience": 0, "trial_splits": SPLIT, **values}
    )
    began, seconds, scores = time.process_time(), [], []
    for item in family.progress(config, data, Worker()):
        if item.metrics:
            seconds.append(time.process_time() - began)
            scores.append(item.metrics["f1_macro"])
    return seconds, scores


def main() -> None:
    """Print both."""
    family = Segmenter()
    data, _ = family.set_aside(family.load(family.Source()), 0.15, 0)
    curve(family, {"epochs": 1}, data)  # torch's first use
    at_once = module.FRAMES_AT_ONCE
    module.FRAMES_AT_ONCE = 1
    seconds, scores = curve(family, {"epochs": EPOCHS}, data)
    module.FRAMES_AT_ONCE = at_once
    target, frames = max(scores[-5:]), EPOCHS * 5 * 6_000 * 3 / 4
    print(f"described: macro-F1 {target:.3f} after {seconds[-1]:.1f} s", end=", ")
    print(f"{frames / seconds[-1]:,.0f} training frames a second with its validation")
    began = time.process_time()
    scored = [max(curve(family, {**p, "epochs": SEARCH_EPOCHS}, data)[1]) for p in GRID]
    chosen = GRID[scored.index(max(scored))]
    print(f"searched {len(GRID)} points in {time.process_time() - began:.1f} s: {chosen}")
    faster, found = curve(family, {**chosen, "epochs": 20}, data)
    reached = next((k for k, score in enumerate(found) if score >= target), None)
    if reached is None:
        print(f"found: {max(found):.3f} at best, in {faster[-1]:.1f} s: not reached")
        return
    print(f"found: {found[reached]:.3f} after {faster[reached]:.1f} s, epoch {reached + 1}")
    print(f"ratio {faster[reached] / seconds[-1]:.2f}")
    whole, _ = curve(family, {"epochs": 5}, data)
    print(f"equal batches: {whole[-1] / 5 / (seconds[-1] / EPOCHS):.2f} of the seconds an epoch")


if __name__ == "__main__":
    main()
