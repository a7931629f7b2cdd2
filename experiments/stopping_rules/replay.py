"""Which rule stops trials of the mlp space best, replayed on curves that nobody stopped.

    python experiments/stopping_rules/replay.py --curves FOLDER [--studies 60]

Where FOLDER has no studies yet, five are run into it first (half an hour on two cores).
"""

from __future__ import annotations

import argparse
import heapq
import subprocess
import sys
from pathlib import Path

import numpy as np
import optuna
from curves import EPOCHS, Curves

from distrib.study.search.samplers import build_sampler
from distrib.study.search.schedulers import build_rule
from distrib.study.space.space_file import find_space

BETWEEN = 0.2  # seconds from the end of a trial to the first epoch of its slot's next one
TRIALS, SLOTS = 60, 2
WAYS = (  # sampler, grace (0: no scheduler), factor, patience
    ("tpe", 0, 3, 60),
    ("tpe", 0, 3, 6),
    ("tpe", 4, 3, 10),
    ("tpe", 4, 2, 6),
    ("tpe", 6, 3, 6),
    ("tpe", 8, 3, 10),
    ("tpe", 8, 3, 6),
    ("tpe", 8, 4, 6),
    ("tpe", 12, 3, 6),
    ("gp", 0, 3, 6),
    ("gp", 6, 3, 5),
    ("gp", 6, 3, 6),
    ("gp", 8, 3, 5),
    ("gp", 8, 3, 6),
    ("gp", 8, 4, 6),
)


def run_study(seed: int, folder: Path) -> None:
    """The default study, with every trial trained until 20 epochs after its best."""
    words = f"--space mlp --test-fraction 0 --scheduler none --set patience=20 --seed {seed}"
    subprocess.run(
        [sys.executable, "-m", "distrib.tune", *words.split(), "--out", str(folder)],
        check=True,
        timeout=3600,
    )


def replay(
    curves: Curves, seed: int, sampler: str, grace: int, factor: int, patience: int
) -> tuple[float, ...]:
    """Best score, seconds, and seconds until 0.72 (not a number: never), of one study."""
    space, generator = find_space("mlp"), np.random.default_rng(seed)
    name = "asha" if grace else "none"
    rule = build_rule(name, grace=max(grace, 1), factor=factor, max_budget=EPOCHS, seed=seed)
    study = optuna.create_study(direction="maximize")
    running: list[tuple] = []
    begun, now, highest, reached = 0, 0.0, 0.0, float("nan")
    while running or begun < TRIALS:
        if begun < TRIALS and len(running) < SLOTS:
            study.sampler = build_sampler(sampler, seed, begun, {})
            trial = study.ask()
            config = space.suggest(trial)
            epoch_takes = curves.seconds(config)
            drawn = curves.draw(config, generator)
            first = now + BETWEEN + epoch_takes
            heapq.heappush(running, (first, trial.number, 1, epoch_takes, drawn, trial))
            begun += 1
            continue
        now, number, epoch, epoch_takes, drawn, trial = heapq.heappop(running)
        best = float(drawn[min(epoch, len(drawn)) - 1])
        highest = max(highest, best)
        if best >= 0.72 and np.isnan(reached):
            reached = now
        if epoch in rule.milestones:
            trial.report(best, epoch)
        if epoch == EPOCHS or epoch - len(drawn) >= patience:
            study.tell(trial, best)
        elif rule.stops(number, epoch, best):
            study.tell(trial, state=optuna.trial.TrialState.PRUNED)
        else:
            again = (now + epoch_takes, number, epoch + 1, epoch_takes, drawn, trial)
            heapq.heappush(running, again)
    return highest, now, reached


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--curves", type=Path, required=True)
    parser.add_argument("--studies", type=int, default=60, help="replayed, of each way")
    args = parser.parse_args()
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    if not list(args.curves.glob("*/trials")):
        for seed in range(5):
            run_study(seed, args.curves)
    curves = Curves(sorted(p.parent for p in args.curves.glob("*/trials")))
    print(f"{curves.count} curves")
    print("sampler  grace  factor  patience  best, mean +- error (median)  search, median  0.72")
    for way in WAYS:
        found = np.array([replay(curves, seed, *way) for seed in range(args.studies)])
        best, seconds, reached = found.T
        error = best.std(ddof=1) / np.sqrt(len(best))
        print(
            f"{way[0]:7}  {way[1] or '-':>5}  {way[2]:6d}  {way[3]:8d}  "
            f"{best.mean():.4f} +- {error:.4f} ({np.median(best):.4f})"
            f"{'':5}{np.median(seconds):12.1f} s{np.nanmedian(reached):12.1f} s",
            flush=True,
        )


if __name__ == "__main__":
    main()
