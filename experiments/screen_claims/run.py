"""How often a study's claims hold: simulated screens without a signal, and with a known one.

Each study is a search of the small `lel` space, its trials one after another in this process, on a
screen of its own; the winner is compared with the training mean and with the best baseline as
`distrib.tune` does it. What is true is taken from 1,000 fresh rows of the same simulation.

    python experiments/screen_claims/run.py --studies 200 --out claims.csv

Studies that `--out` already holds are not done again.
"""

from __future__ import annotations

import argparse
import time
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from distrib.claims import verdict
from distrib.data.paired import gains, mean_difference
from distrib.data.screens.scoring.scores import row_table
from distrib.data.screens.screen import Screen
from distrib.data.splits import holdout
from distrib.trainables.base import Worker
from distrib.trainables.registry import load_family
from distrib.trainables.screens.base import folds_of, parts_of, reference
from distrib.trainables.screens.baselines import TRAINING_MEAN, fits

ROWS, GENES, WIDTH, FRESH = 120, 30, 6, 1000
TEST = 0.25
TRIALS = 6
WORKER = Worker(precision="float64")
METRICS = (("pearson", "max"), ("rmse", "min"))


def simulated(seed: int, signal: float) -> tuple[Screen, Screen]:
    """A screen whose embeddings tell `signal` of a response's spread, and fresh rows of it."""
    rng = np.random.default_rng(seed)
    effect = signal * rng.normal(size=(WIDTH, GENES)) / np.sqrt(WIDTH)
    shared = 0.5 * rng.normal(size=GENES)
    inputs = rng.normal(size=(ROWS + FRESH, WIDTH)).astype(np.float32)
    targets = shared + inputs @ effect + rng.normal(size=(len(inputs), GENES))
    whole = Screen(
        ids=np.array([f"P{i}" for i in range(len(inputs))]),
        inputs=inputs,
        targets=targets.astype(np.float32),
        columns=np.array([f"G{i}" for i in range(GENES)]),
        groups=np.arange(len(inputs)),
    )
    return whole.take(np.arange(ROWS)), whole.take(np.arange(ROWS, len(inputs)))


def study(seed: int, signal: float) -> list[dict[str, Any]]:
    """The claims of one search: a row for each part, metric and baseline."""
    family = load_family("lel")
    screen, fresh = simulated(seed, signal)
    kept, aside = holdout(screen.groups, TEST, seed)
    data, test = screen.take(kept), screen.take(aside)
    rng = np.random.default_rng((seed, 1))
    tried = []
    for _ in range(TRIALS):
        config = family.Config.model_validate(
            {
                "gene_side": rng.choice(["pca", "identity"]),
                "components": int(2 ** rng.uniform(1, 5)),
                "scaling": rng.choice(["none", "standard", "unit"]),
                "penalty": rng.choice(["two-sided", "ridge"]),
                "grid": 8,
            }
        )
        *_, last = family.progress(config, data, WORKER)
        rows = family.held_out_rows(config, data, last.held_out())
        tried.append((last.metrics["pearson"], config, rows))
    _, config, own = max(tried, key=lambda found: found[0])
    *_, last = family.refit(config, data, WORKER, None)
    state = last.state()
    on = {name: row_table(family.apply(config, state, part, WORKER), part,
                          family.training_mean(state))
          for name, part in (("test", test), ("fresh", fresh))}  # fmt: skip
    fold_models = {
        metric: np.mean([m[metric].to_numpy() for m in _of_folds(family, config, data, fresh)], 0)
        for metric, _ in METRICS
    }
    rows = []
    others = _baselines(config, data, {"test": test, "fresh": fresh})
    for metric, direction in METRICS:
        for name, tables in others.items():
            true = gains(on["fresh"][metric].to_numpy(), tables["fresh"][metric].to_numpy(),
                         direction).mean()  # fmt: skip
            of_folds = gains(fold_models[metric], tables["folds"][metric], direction).mean()
            for part, model, truth in (("test", on["test"], true), ("validation", own, of_folds)):
                other = tables[part][metric].to_numpy()
                chosen_by = tried if part == "validation" else []
                among = [gains(t[metric].to_numpy(), other, direction) for *_, t in chosen_by]
                found = mean_difference(
                    gains(model[metric].to_numpy(), other, direction),
                    np.arange(len(other)),
                    among,
                )
                rows.append({"seed": seed, "part": part, "metric": metric, "baseline": name,
                             "gain": found.value, "low": found.low, "high": found.high,
                             "truth": truth,
                             "verdict": verdict(found.low, found.high)})  # fmt: skip
    return rows


def _of_folds(family: Any, config: Any, data: Screen, fresh: Screen) -> list[pd.DataFrame]:
    """The fresh rows as judged by the model of each fold."""
    found = []
    for part in folds_of(config, data):
        rest = data.take(np.setdiff1d(np.arange(len(data)), part))
        *_, last = family.refit(config, rest, WORKER, None)
        state = last.state()
        predicted = family.apply(config, state, fresh, WORKER)
        found.append(row_table(predicted, fresh, family.training_mean(state)))
    return found


def _baselines(config: Any, data: Screen, parts: dict[str, Screen]) -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = {}
    for name, fit in fits(data):
        if name not in (TRAINING_MEAN, "no change", "random embedding"):
            continue  # ridge is of the family's own kind: the better of two is no claim
        predicted = np.empty((len(data), GENES))
        folds = []
        for part in folds_of(config, data):
            rest = data.take(np.setdiff1d(np.arange(len(data)), part))
            predicted[part] = fit(rest, data.take(part))
            fresh = parts["fresh"]
            folds.append(row_table(fit(rest, fresh), fresh, rest.targets.mean(axis=0)))
        tables: dict[str, Any] = {
            "validation": row_table(predicted, data, reference(config, data),
                                    parts_of(config, data)),
            "folds": {m: np.mean([t[m].to_numpy() for t in folds], 0) for m, _ in METRICS},
        }  # fmt: skip
        for key, part in parts.items():
            tables[key] = row_table(fit(data, part), part, data.targets.mean(axis=0))
        found[name] = tables
    return found


def told(frame: pd.DataFrame) -> pd.DataFrame:
    """By part, metric and baseline: how often which word was said, and the interval held."""
    rows = []
    for keys, part in frame.groupby(["part", "metric", "baseline"], sort=False):
        words = Counter(part["verdict"])
        held = ((part["low"] <= part["truth"]) & (part["truth"] <= part["high"])).mean()
        rows.append(
            {
                **dict(zip(("part", "metric", "baseline"), keys)),
                "better": words["better"] / len(part),
                "worse": words["worse"] / len(part),
                "covered": held,
                "true gain": part["truth"].mean(),
                "falsely better": ((part["verdict"] == "better") & (part["truth"] <= 0)).mean(),
            }
        )
    return pd.DataFrame(rows)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--studies", type=int, default=200)
    parser.add_argument("--signal", type=float, nargs="+", default=[0.0, 0.5])
    parser.add_argument("--out", type=Path, help="every claim, as CSV; gone on with")
    args = parser.parse_args()
    for signal in args.signal:
        began = time.monotonic()
        path = args.out and args.out.with_stem(f"{args.out.stem}_{signal:g}")
        frame = pd.read_csv(path) if path and path.exists() else pd.DataFrame({"seed": []})
        done = set(frame["seed"])
        for seed in (s for s in range(args.studies) if s not in done):
            frame = pd.concat([frame, pd.DataFrame(study(seed, signal))], ignore_index=True)
            if path:
                frame.to_csv(path, index=False)
        seconds = time.monotonic() - began
        print(f"\nsignal {signal}: {args.studies} studies of {TRIALS} trials, {seconds:.0f} s")
        print(told(frame).to_string(index=False, float_format="{:.3f}".format), flush=True)


if __name__ == "__main__":
    main()
