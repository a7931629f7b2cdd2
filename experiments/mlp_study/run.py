"""The default study against the same search written by hand; medians over seeds, in one run.

python experiments/mlp_study/run.py [--seeds 0 1 2 3 4] [--trials 60] [--plain-seeds 5]
"""

from __future__ import annotations

import argparse
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pandas as pd

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
ENVIRONMENT = {**os.environ, "PYTHONPATH": f"{ROOT}{os.pathsep}{HERE}"}
Figures = tuple[float, float, float]  # whole seconds, best score, seconds until 0.72


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
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, nargs="+", default=range(5))
    parser.add_argument("--plain-seeds", type=int, default=5, help="how many of them for (a)")
    parser.add_argument("--trials", type=int, default=60)
    args = parser.parse_args()
    n = str(args.trials)
    ways = {
        "distrib": lambda s: distrib(s, args.trials),
        "Ray Tune by hand, reused processes": lambda s: peer("peer_tune.py", str(s), n, "reused"),
        "Ray Tune by hand, new processes": lambda s: peer("peer_tune.py", str(s), n, "new"),
        "Optuna by hand, one process": lambda s: peer("peer_optuna.py", str(s), n),
    }
    found: dict[str, list[Figures]] = {name: [] for name in ways}
    for count, seed in enumerate(args.seeds):
        for name, run in ways.items():
            if not name.startswith("Optuna") or count < args.plain_seeds:
                found[name].append(run(seed))
                seconds, best, reached = found[name][-1]
                print(
                    f"seed {seed}, {name}: {seconds:.1f} s, best {best:.4f}, "
                    f"0.72 after {reached:.1f} s",
                    flush=True,
                )
    ours = statistics.median(f[0] for f in found["distrib"])
    for name, figures in found.items():
        if figures:
            seconds, best, reached = (statistics.median(column) for column in zip(*figures))
            print(
                f"{name}: {seconds:.1f} s (distrib takes {ours / seconds:.2f} of it), "
                f"best {best:.4f}, 0.72 after {reached:.1f} s; medians of {len(figures)}"
            )


if __name__ == "__main__":
    main()
