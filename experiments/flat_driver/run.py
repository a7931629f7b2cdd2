"""Whether the driver's memory and its time per trial stay flat from 100 to 2,000 trials.

    python experiments/flat_driver/run.py [--trials 2000] [--sampler random]

Trials of no work and five reports each, with everything that a study writes while it runs.
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))
os.environ["PYTHONPATH"] = str(ROOT)

from distrib.records import StudyRecord, TrialRecord  # noqa: E402
from distrib.study.driver.place import Place  # noqa: E402
from distrib.study.driver.run_study import run_study  # noqa: E402
from distrib.study.plan.options import Options  # noqa: E402
from distrib.study.plan.plan import make_plan  # noqa: E402
from distrib.study.space.space_file import find_space  # noqa: E402
from distrib.tracking.tensorboard import TensorBoardTracker  # noqa: E402

WINDOW = 100


class Watch:
    """Seconds and resident megabytes after each trial's end."""

    def __init__(self) -> None:
        self.seen: list[tuple[float, float]] = []

    def trial_ended(self, trial: TrialRecord) -> None:
        pages = int(Path("/proc/self/statm").read_text().split()[1])
        self.seen.append((time.monotonic(), pages * os.sysconf("SC_PAGE_SIZE") / 1e6))

    def study_started(self, study: StudyRecord) -> None: ...
    def trial_started(self, trial: TrialRecord) -> None: ...
    def trial_progressed(self, trial: TrialRecord, rows: list[dict[str, float]]) -> None: ...
    def tick(self) -> None: ...
    def study_ended(self, study: StudyRecord, interrupted: bool) -> None: ...


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--trials", type=int, default=2000)
    parser.add_argument("--sampler", default="random")
    args = parser.parse_args()
    space = find_space(str(ROOT / "experiments" / "orchestration" / "work.yaml"))
    options = Options(
        allow_custom=True,
        trials=args.trials,
        sampler=args.sampler,
        scheduler="none",
        concurrent=2,
        fixed={"work": 1e-6},
        test_fraction=0,
    )
    watch = Watch()
    with tempfile.TemporaryDirectory() as folder:
        run_study(
            make_plan(space, options),
            Place(Path(folder)),
            say=print,
            phase=lambda *_: None,
            trackers=lambda run: [TensorBoardTracker(run.tensorboard), watch],
        )
    steps = [b[0] - a[0] for a, b in zip(watch.seen, watch.seen[1:])]
    for end in (100, 200, 500, 1000, 1500, 2000):
        if end <= args.trials:
            window = steps[max(0, end - WINDOW) : end]
            print(
                f"after {end} trials: {watch.seen[end - 1][1]:.0f} MB, median "
                f"{1e3 * statistics.median(window):.1f} ms and mean "
                f"{1e3 * statistics.fmean(window):.1f} ms a trial over the last {WINDOW}"
            )


if __name__ == "__main__":
    main()
