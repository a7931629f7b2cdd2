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
import threading
import time
import uuid
from pathlib import Path

import pandas as pd

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
PATHS = (ROOT, HERE, HERE.parent / "orchestration")


class Watch(threading.Thread):
    """Notes when each of Ray's processes that carry a mark in their environment got its name."""

    def __init__(self, mark: str) -> None:
        super().__init__(daemon=True)
        self.mark, self.began = mark.encode(), time.time()
        self.seen: dict[str, tuple[float, str]] = {}
        self.ended = threading.Event()

    def run(self) -> None:
        marked: dict[str, bool] = {}
        while not self.ended.wait(0.1):
            for entry in Path("/proc").glob("[0-9]*"):
                try:
                    if entry.name not in marked:
                        marked[entry.name] = self.mark in (entry / "environ").read_bytes()
                    name = (entry / "cmdline").read_bytes().split(b"\0")[0].decode()
                except OSError:
                    continue
                if marked[entry.name] and name.startswith("ray::") and name != "ray::IDLE":
                    key = f"{entry.name} {name.partition('.')[0]}"
                    self.seen.setdefault(key, (time.time() - self.began, name.partition(".")[0]))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--trials", type=int, default=20)
    parser.add_argument("--workers", type=int, default=2)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        began, mark = time.time(), f"EXPERIMENT_MARK={uuid.uuid4().hex}"
        watch = Watch(mark)
        watch.start()
        subprocess.run(
            [sys.executable, "-m", "distrib.tune", "--space", str(HERE / "work.yaml"),
             "--allow-custom", "--workers-per-trial", str(args.workers), "--concurrent", "1",
             "--trials", str(args.trials), "--out", folder],
            check=True,
            cwd=ROOT,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(map(str, PATHS)),
                 **dict([mark.split("=")])},
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
    watch.ended.set()
    print("seconds after the command at which a process had its name, up to the first report:")
    for at, name in sorted(watch.seen.values()):
        if at < firsts[0] - began:
            print(f"  {at:5.1f}  {name}")
    print(f"command to the study's folder {study - began:.1f} s")
    print(f"folder to the first report    {firsts[0] - study:.1f} s")
    print(f"  of it imports {trials['seconds/import'].iloc[0]:.1f} s, once per process")
    print(f"end of a trial to the next's first report: median {statistics.median(gaps):.3f} s, "
          f"largest {max(gaps):.3f} s, of {len(gaps)}")  # fmt: skip
    print(f"last report to the end (winner trained by a new group): {ended - lasts[-1]:.1f} s")


if __name__ == "__main__":
    main()
