"""Seconds from the command to the first reported epoch, against importing and starting Ray alone.

python experiments/first_epoch/run.py [--repeats 5]
"""

from __future__ import annotations

import argparse
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

BARE = "import ray, torch; ray.init(logging_level=40, log_to_driver=False)"


def bare() -> float:
    """Until `import ray, torch; ray.init()` is done; ending the process does not count."""
    began = time.monotonic()
    with subprocess.Popen(
        [sys.executable, "-c", BARE + "; print('ready', flush=True)"],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as process:
        assert process.stdout is not None
        while process.stdout.readline().strip() != "ready":
            pass
        seconds = time.monotonic() - began
        process.wait(timeout=60)
    return seconds


def study() -> float:
    """Until the first row of any trial's metrics.csv stands on the disk; then it is interrupted."""
    with tempfile.TemporaryDirectory() as folder:
        began = time.monotonic()
        with subprocess.Popen(
            [sys.executable, "-m", "distrib.tune", "--space", "mlp", "--out", folder],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        ) as process:
            while not list(Path(folder).glob("*/trials/*/metrics.csv")):
                time.sleep(0.01)
                if process.poll() is not None:
                    raise RuntimeError("the study ended without a report")
            seconds = time.monotonic() - began
            process.send_signal(signal.SIGINT)
            process.wait(timeout=300)
    return seconds


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=5)
    repeats = parser.parse_args().repeats
    pairs = [(bare(), study()) for _ in range(repeats)]
    for name, values in zip(("import ray, torch; ray.init()", "distrib.tune"), zip(*pairs)):
        print(
            f"{name}: median {statistics.median(values):.2f} s "
            f"({min(values):.2f} to {max(values):.2f})"
        )
    print(f"ratio, median of {repeats} pairs: {statistics.median(b / a for a, b in pairs):.2f}")


if __name__ == "__main__":
    main()
