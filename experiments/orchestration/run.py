"""What a trial costs beside its own work: the slope between 100 and 400 trials, two at a time.

    python experiments/orchestration/run.py [--work 0.15] [--few 100] [--many 400]

Every figure is the wall time of a whole process, from its start to its end.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]


def timed(command: list[str]) -> float:
    """Seconds that a command takes."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    began = time.monotonic()
    subprocess.run(
        command,
        check=True,
        cwd=ROOT,
        env=environment,
        timeout=1800,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    return time.monotonic() - began


def sequential(work: float, trials: int = 20) -> float:
    """Seconds a trial takes in this process, with nothing around it."""
    sys.path.insert(0, str(HERE))
    sys.path.insert(0, str(ROOT))
    from family import Work, WorkConfig

    family, config = Work(), WorkConfig(work=work)
    began = time.monotonic()
    for _ in range(trials):
        for _item in family.progress(config, None, None):
            pass
    return (time.monotonic() - began) / trials


def study(trials: int, work: float) -> float:
    """Seconds of a whole study from the command line, report and pictures included."""
    with tempfile.TemporaryDirectory() as folder:
        return timed(
            [
                sys.executable,
                "-m",
                "distrib.tune",
                "--space",
                str(HERE / "work.yaml"),
                "--allow-custom",
                "--trials",
                str(trials),
                "--set",
                f"work={work}",
                "--sampler",
                "random",
                "--scheduler",
                "none",
                "--concurrent",
                "2",
                "--test-fraction",
                "0",
                "--out",
                folder,
            ]
        )


def peer(trials: int, work: float) -> float:
    """Seconds of the hand-written script."""
    return timed([sys.executable, str(HERE / "peer.py"), str(trials), str(work)])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--work", type=float, default=0.15)
    parser.add_argument("--few", type=int, default=100)
    parser.add_argument("--many", type=int, default=400)
    parser.add_argument("--alone", action="store_true", help="without the peer")
    args = parser.parse_args()
    ideal = sequential(args.work) / 2
    print(f"half of a trial's sequential time: {ideal:.4f} s")
    ways = {"distrib": study, "hand-written Ray Tune": peer}
    for name, run in list(ways.items())[: 1 if args.alone else 2]:
        few, many = run(args.few, args.work), run(args.many, args.work)
        slope = (many - few) / (args.many - args.few)
        print(
            f"{name}: {args.few} trials {few:.1f} s, {args.many} trials {many:.1f} s, "
            f"{slope:.4f} s a trial, {slope / ideal:.2f} of the ideal",
            flush=True,
        )


if __name__ == "__main__":
    main()
