"""The default study against the same search written by hand; medians over seeds, in one run.

python experiments/mlp_study/run.py [--seeds 0 1 2 3 4] [--ways distrib reused new plain]
"""

from __future__ import annotations

import argparse
import math
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import pandas as pd

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
ENVIRONMENT = {**os.environ, "PYTHONPATH": f"{ROOT}{os.pathsep}{HERE}"}
Figures = tuple[float, float, float]  # whole seconds, best score, seconds until 0.72 or infinity


def peer(*words: str) -> Figures:
    """The figures that a peer prints."""
    done = subprocess.run(
        [sys.executable, *words],
        check=True,
        capture_output=True,
        text=True,
        timeout=1800,
        cwd=HERE,
        env=ENVIRONMENT,
    )
    found = re.search(r"seconds (\S+) best (\S+) reached (\S+)", done.stdout)
    assert found is not None
    return float(found[1]), float(found[2]), float(found[3])


def distrib(seed: int, trials: int) -> Figures:
    """The default study, from its command to the end of its process, report included."""
    with tempfile.TemporaryDirectory() as folder:
        began = time.time()
        subprocess.run(
            [
                sys.executable,
                "-m",
                "distrib.tune",
                "--space",
                "mlp",
                "--test-fraction",
                "0",
                "--trials",
                str(trials),
                "--seed",
                str(seed),
                "--out",
                folder,
            ],
            check=True,
            stdout=subprocess.DEVNULL,
            timeout=1800,
            cwd=ROOT,
            env=ENVIRONMENT,
        )
        seconds = time.time() - began
        rows = pd.concat(pd.read_csv(f) for f in Path(folder).glob("*/trials/*/metrics.csv"))
        reached = rows.loc[rows["pearson"] >= 0.72, "time"].min() - began
        return seconds, float(rows["pearson"].max()), float(reached)


def main() -> None:
    ways: dict[str, Callable[[int, int], Figures]] = {
        "distrib": distrib,
        "reused": lambda seed, trials: peer("peer_tune.py", str(seed), str(trials), "reused"),
        "new": lambda seed, trials: peer("peer_tune.py", str(seed), str(trials), "new"),
        "plain": lambda seed, trials: peer("peer_optuna.py", str(seed), str(trials)),
    }
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, nargs="+", default=range(5))
    parser.add_argument("--trials", type=int, default=60)
    parser.add_argument("--ways", nargs="+", choices=ways, default=list(ways))
    args = parser.parse_args()
    found: dict[str, list[Figures]] = {way: [] for way in args.ways}
    for seed in args.seeds:
        for way, figures in found.items():
            seconds, best, reached = ways[way](seed, args.trials)
            figures.append((seconds, best, math.inf if math.isnan(reached) else reached))
            print(f"seed {seed}, {way}: {told(figures[-1])}", flush=True)
    medians = {
        way: tuple(statistics.median(column) for column in zip(*figures))
        for way, figures in found.items()
    }
    for way, figures in medians.items():
        share = medians["distrib"][0] / figures[0] if "distrib" in medians else float("nan")
        print(f"{way}: {told(figures)} in the median; distrib takes {share:.2f} of its time")


def told(figures: Sequence[float]) -> str:
    """One line of figures."""
    seconds, best, reached = figures
    when = f"after {reached:.1f} s" if math.isfinite(reached) else "never"
    return f"{seconds:.1f} s, best {best:.4f}, 0.72 {when}"


if __name__ == "__main__":
    main()
