"""What a trial of two workers costs beside its work: the first one, and those that follow.

python experiments/worker_groups/run.py [--trials 20] [--workers 2]

Times are those that the trials' own rows carry, from the start of the command; the work itself is
nothing, so that what is seen is the handing over.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pandas as pd

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
PATHS = (ROOT, HERE, HERE.parent / "orchestration")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--trials", type=int, default=20)
    parser.add_argument("--workers", type=int, default=2)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        began = time.time()
        subprocess.run(
            [sys.executable, "-m", "distrib.tune", "--space", str(HERE / "work.yaml"),
             "--allow-custom", "--workers-per-trial", str(args.workers), "--concurrent", "1",
             "--trials", str(args.trials), "--out", folder],
            check=True,
            cwd=ROOT,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(map(str, PATHS))},
            stdout=subprocess.DEVNULL,
            timeout=600,
        )  # fmt: skip
        ended = time.time()
        trials = pd.read_parquet(next(Path(folder).glob("*/trials.parquet")))
        files = sorted(Path(folder).glob("*/trials/*/metrics.csv"))
        rows = [pd.read_csv(file)["time"] for file in files]
        study = next(Path(folder).glob("*/study.yaml")).stat().st_mtime
    assert (trials["state"] != "FAIL").all()
    firsts = [float(times.iloc[0]) for times in rows]
    lasts = [float(times.iloc[-1]) for times in rows]
    gaps = [after - before for before, after in zip(lasts, firsts[1:])]
    print(f"command to the study's folder {study - began:.1f} s")
    print(f"folder to the first report    {firsts[0] - study:.1f} s")
    print(f"  of it imports {trials['seconds/import'].iloc[0]:.1f} s, once per process")
    print(f"end of a trial to the next's first report: median {statistics.median(gaps):.3f} s, "
          f"largest {max(gaps):.3f} s, of {len(gaps)}")  # fmt: skip
    print(f"last report to the end (winner trained by a new group): {ended - lasts[-1]:.1f} s")


if __name__ == "__main__":
    main()
