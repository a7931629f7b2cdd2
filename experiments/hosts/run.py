"""Three one-core hosts against one, and a group's start over two hosts against one.

    python experiments/hosts/run.py [--trials 9] [--seconds 10]

The hosts are nodes of a Ray cluster of their own address on this machine; the trials sleep.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))
os.environ["PYTHONPATH"] = str(ROOT)
os.environ["RAY_AUTH_MODE"] = "disabled"

from distrib.cluster.connect import Resources  # noqa: E402
from distrib.records import StudyRecord, TrialRecord  # noqa: E402
from distrib.study.driver.place import Place  # noqa: E402
from distrib.study.driver.run_study import run_study  # noqa: E402
from distrib.study.plan.options import Options  # noqa: E402
from distrib.study.plan.plan import make_plan  # noqa: E402
from distrib.study.space.space_file import find_space  # noqa: E402
from tests.support.ray_cluster import ray_cluster, ray_node  # noqa: E402


class Watch:
    """When trials were given out, and when their first report and their end came."""

    def __init__(self) -> None:
        self.started: dict[int, float] = {}
        self.first: dict[int, float] = {}
        self.ended: dict[int, float] = {}

    def study_started(self, study: StudyRecord) -> None: ...
    def trial_started(self, trial: TrialRecord) -> None:
        self.started[trial.number] = time.monotonic()

    def trial_progressed(self, trial: TrialRecord, rows: list[dict[str, float]]) -> None:
        self.first.setdefault(trial.number, time.monotonic())

    def trial_ended(self, trial: TrialRecord) -> None:
        self.ended[trial.number] = time.monotonic()

    def tick(self) -> None: ...
    def study_ended(self, study: StudyRecord, interrupted: bool) -> None: ...


@contextmanager
def cluster(*cpus: int) -> Iterator[str]:
    """A head without CPUs and nodes with so many; its address."""
    with ray_cluster(cpus=0) as (address, folder), ExitStack() as stack:
        for number, count in enumerate(cpus, 2):
            stack.enter_context(ray_node(address, folder, cpus=count, ip=f"127.0.0.{number}"))
        yield address


def study(address: str, trials: int, seconds: float, workers: int = 1) -> Watch:
    """One study's trials, watched."""
    watch = Watch()
    options = Options(
        allow_custom=True,
        address=address,
        trials=trials,
        sampler="random",
        scheduler="none",
        fixed={"seconds": seconds},
        test_fraction=0,
        resources=Resources(workers=workers),
    )
    space = find_space(str(ROOT / "experiments" / "hosts" / "sleep.yaml"))
    with tempfile.TemporaryDirectory() as folder:
        run_study(
            make_plan(space, options),
            Place(Path(folder)),
            say=lambda line: None,
            phase=lambda *_: None,
            trackers=lambda run: [watch],
        )
    return watch


def rate(watch: Watch, slots: int) -> float:
    """Trials a second from the end of the first round on all slots to that of the last trial."""
    ends = sorted(watch.ended.values())
    return (len(ends) - slots) / (ends[-1] - ends[slots - 1])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--trials", type=int, default=12)
    parser.add_argument("--seconds", type=float, default=10.0)
    args = parser.parse_args()
    rates = {}
    for hosts, trials in ((1, max(4, args.trials // 3)), (3, args.trials)):
        with cluster(*[1] * hosts) as address:
            rates[hosts] = rate(study(address, trials, args.seconds), hosts)
        print(f"{hosts} host(s): {rates[hosts]:.4f} trials a second", flush=True)
    print(f"ratio {rates[3] / rates[1]:.2f} (goal 2.6)", flush=True)
    starts = {}
    for name, cpus in (("one host", (2,)), ("two hosts", (1, 1))):
        with cluster(*cpus) as address:
            seen = study(address, 2, 0.5, workers=2)
        starts[name] = [seen.first[n] - seen.started[n] for n in (0, 1)]
        print(f"{name}: a group's first report after {starts[name][0]:.1f} s, then "
              f"{starts[name][1]:.2f} s", flush=True)  # fmt: skip
    print(f"ratio {starts['two hosts'][0] / starts['one host'][0]:.2f} (goal 1.5)")


if __name__ == "__main__":
    main()
