"""How good searches are on learning curves of a public benchmark, the peers beside ours in one run.

    python experiments/search_quality/run.py FOLDER [--part choose] [--seeds 5] [--trials 30 100]

FOLDER holds `lcbench.onnx`, `encoding.json` and `config_space.json` of YAHPO Gym's data
(slds-lmu/yahpo_data on GitHub);
`pip install onnxruntime` reads them. Writes `search_quality.csv` and `.png` where it runs.
"""

from __future__ import annotations

import argparse
import itertools
import math
import time
import warnings
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import optuna
import pandas as pd
from replay import FACTOR, GRACE, Found, first_look, optunas, ours
from surrogate import EPOCHS, Surrogate, plain_space, split_space

CHOOSE = 17
"""So many tasks of the sorted list are for choosing, the others for the claim."""

SHARES = (0.1, 0.25, 0.5, 1.0)
"""Of the epochs that training every configuration to its end would take."""

Way = Callable[..., Found]


def _peer(sampler: Callable[[int], Any], pruner: Callable[[], Any]) -> Way:
    return lambda space, curve, seed, trials, workers: optunas(
        space, curve, seed, trials, workers, sampler(seed), pruner()
    )


def _ours(sampler: str, rule: str) -> Way:
    return lambda space, curve, seed, trials, workers: ours(
        space, curve, seed, trials, workers, sampler, rule
    )


def _halving() -> Any:
    return optuna.pruners.SuccessiveHalvingPruner(min_resource=GRACE, reduction_factor=FACTOR)


def _gp_sampler(space: Any, curve: Any, seed: int, trials: int, workers: int) -> Found:
    """Optuna's Gaussian process, each trial to its end, for `GP_SHARE` of the epochs."""
    sampler = optuna.samplers.GPSampler(seed=seed)
    number = math.ceil(GP_SHARE * trials)
    return optunas(space, curve, seed, number, workers, sampler, optuna.pruners.NopPruner())


WAYS: dict[str, Way] = {
    "gp, asha": _ours("gp", "asha"),
    "gp, asha-promotion": _ours("gp", "asha-promotion"),
    "gp, asha-promotion, split": _ours("gp", "asha-promotion"),
    "gp, none": _ours("gp", "none"),
    "tpe, asha": _ours("tpe", "asha"),
    "random, asha": _ours("random", "asha"),
    "Optuna TPE, halving": _peer(lambda seed: optuna.samplers.TPESampler(seed=seed), _halving),
    "Optuna TPE, Hyperband": _peer(
        lambda seed: optuna.samplers.TPESampler(seed=seed),
        lambda: optuna.pruners.HyperbandPruner(GRACE, EPOCHS, FACTOR),
    ),
    "Optuna GP, no pruning": _gp_sampler,
    "two epochs, then three": first_look,
}
SLOW = ("Optuna GP, no pruning", "gp, none")  # not asked for without their names

GP_SHARE = 0.6
BEFORE = Path(__file__).parent / "before.csv"
"""What `gp, asha` came to on the tasks for the claim at commit 15b66db3, with the same seeds."""
EARLIER = 0.7
"""Of the epochs that it took then."""


@cache
def before() -> pd.DataFrame:
    """Its epochs and best, with columns task, trials, workers, seed."""
    return pd.read_csv(BEFORE, dtype={"task": str})


@cache
def _surrogate(folder: Path) -> Surrogate:
    return Surrogate(folder)


@cache
def _range(folder: Path, task: str) -> tuple[float, float]:
    return _surrogate(folder).range_of(task)


def one(job: tuple[Path, str, str, int, int, int]) -> dict[str, Any]:
    """What one study found, by share of the budget, and the range of its task."""
    folder, task, way, seed, trials, workers = job
    warnings.simplefilter("ignore")
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    surrogate = _surrogate(folder)
    space = split_space() if way.endswith("split") else plain_space()
    began = time.perf_counter()
    # A seed of its own for each task: one first design everywhere would be luck of all or none.
    own = int(np.random.SeedSequence([int(task), seed]).generate_state(1)[0])
    found = WAYS[way](
        space, lambda config: surrogate.curves(task, [config])[0], own, trials, workers
    )
    low, high = _range(folder, task)
    budget = trials * EPOCHS
    best = {f"best at {share:g}": found.best_after(int(share * budget)) for share in SHARES}
    then = before().query("task == @task and trials == @trials and workers == @workers")
    if len(then):
        best["best earlier"] = found.best_after(int(EARLIER * then["epochs"].mean()))
    return {"task": task, "way": way, "seed": seed, "trials": trials, "workers": workers,
            "epochs": len(found.best), "seconds": time.perf_counter() - began,
            "low": low, "high": high, **best}  # fmt: skip


def with_regrets(found: pd.DataFrame) -> pd.DataFrame:
    """Regrets in percent of a task's range: from the worst draw to the best that anything found."""
    tops = found.groupby("task")[["high", f"best at {SHARES[-1]:g}"]].max().max(axis=1)
    then = before().groupby("task")["best"].max().reindex(tops.index)
    found["top"] = found["task"].map(tops.combine(then, np.fmax))
    for name in [name for name in found if name.startswith("best ")]:
        regret = (found["top"] - found[name]) / (found["top"] - found["low"])
        found[name.replace("best", "regret")] = 100 * regret
    return found


def against_before(found: pd.DataFrame) -> pd.DataFrame:
    """Each way after 0.7 of the epochs of the default before, against that one's end.

    Differences of regret in points, by study, with their standard errors; on how many tasks the
    mean over seeds is no worse.
    """
    both = found.merge(before(), on=["task", "trials", "workers", "seed"], suffixes=("", " then"))
    span = both["top"] - both["low"]
    both["difference"] = 100 * (both["best"] - both["best earlier"]) / span
    both["at the end"] = 100 * (both["best"] - both["best at 1"]) / span
    rows = []
    for (trials, way), part in both.groupby(["trials", "way"], sort=False):
        by_task = part.groupby("task")["difference"].mean()
        rows.append({"trials": trials, "way": way, "epochs": part["epochs"].mean(),
                     "epochs then": part["epochs then"].mean(),
                     "after 0.7 of these": _mean(part["difference"]),
                     "tasks": f"{(by_task <= 1e-9).sum()} of {len(by_task)}",
                     "at the end": _mean(part["at the end"])})  # fmt: skip
    return pd.DataFrame(rows)


def _mean(values: pd.Series) -> str:
    return f"{values.mean():+.1f} ({values.std() / math.sqrt(len(values)):.1f})"


def table(found: pd.DataFrame) -> pd.DataFrame:
    """Means over seeds and tasks, with 95% intervals over tasks (bootstrap)."""
    rows = []
    random = np.random.default_rng(0)
    for (trials, way), part in found.groupby(["trials", "way"], sort=False):
        row: dict[str, Any] = {"trials": trials, "way": way, "epochs": part["epochs"].mean()}
        for share in SHARES:
            by_task = part.groupby("task")[f"regret at {share:g}"].mean().to_numpy()
            drawn = random.choice(by_task, (2000, len(by_task))).mean(axis=1)
            low, high = np.quantile(drawn, [0.025, 0.975])
            row[f"{share:.0%}"] = f"{by_task.mean():.1f} ({low:.1f} to {high:.1f})"
        rows.append(row)
    return pd.DataFrame(rows)


def draw(found: pd.DataFrame, path: Path) -> None:
    """Regret over budget, a panel for each number of trials, a colour for each way."""
    import matplotlib
    from matplotlib.figure import Figure

    numbers = found["trials"].unique()
    colors = dict(zip(WAYS, matplotlib.colormaps["tab10"].colors))
    figure = Figure(figsize=(6 * len(numbers), 4.6), layout="constrained")
    lines = {}
    for axes, trials in zip(figure.subplots(1, len(numbers), squeeze=False)[0], numbers):
        for way, part in found[found["trials"] == trials].groupby("way", sort=False):
            means = [part[f"regret at {share:g}"].mean() for share in SHARES]
            (lines[way],) = axes.plot(
                SHARES, means, marker="o", color=colors[way],
                linestyle="-" if way.startswith("gp") else "--",
            )  # fmt: skip
        axes.set(xscale="log", yscale="log", title=f"{trials} configurations",
                 xlabel="share of the epochs of all trained to the end",
                 ylabel="regret, % of the range")  # fmt: skip
        axes.set_xticks(SHARES, [f"{share:g}" for share in SHARES], minor=False)
        axes.set_xticks([], minor=True)
    figure.legend(
        lines.values(), lines, loc="outside lower center", ncols=2 * len(numbers), fontsize="small"
    )
    figure.savefig(path, dpi=120)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path)
    parser.add_argument("--part", choices=("choose", "claim"), default="claim")
    parser.add_argument("--tasks", type=int, help="only so many of the part")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--trials", type=int, nargs="+", default=[30, 100])
    parser.add_argument("--workers", type=int, default=4)
    parser.add_argument("--ways", nargs="+", choices=WAYS, metavar="WAY",
                        default=[way for way in WAYS if way not in SLOW])  # fmt: skip
    parser.add_argument("--processes", type=int, default=2)
    args = parser.parse_args()
    tasks = Surrogate(args.folder).tasks
    tasks = (tasks[:CHOOSE] if args.part == "choose" else tasks[CHOOSE:])[: args.tasks]
    ways = list(itertools.product(args.trials, args.ways, range(args.seeds)))
    # A task's studies by one process, which then draws its range once.
    jobs = [
        [(args.folder, task, way, seed, trials, args.workers) for trials, way, seed in ways]
        for task in tasks
    ]
    rows: list[dict[str, Any]] = []
    began = time.monotonic()
    with ProcessPoolExecutor(args.processes) as pool:
        for done, part in enumerate(pool.map(_all, jobs), 1):
            rows += part
            spent = time.monotonic() - began
            left = math.ceil(spent / done * (len(jobs) - done))
            print(f"{done} of {len(jobs)} tasks, {spent:.0f} s, about {left} s left", flush=True)
    found = with_regrets(pd.DataFrame(rows))
    found.to_csv("search_quality.csv", index=False)
    draw(found, Path("search_quality.png"))
    print(table(found).to_string(index=False))
    if "best earlier" in found:
        print(f"against `gp, asha` as it was before ({BEFORE.name}):")
        print(against_before(found).to_string(index=False))


def _all(jobs: list[tuple[Path, str, str, int, int, int]]) -> list[dict[str, Any]]:
    return [one(job) for job in jobs]


if __name__ == "__main__":
    main()
