"""What one driver costs with 64 nodes and up to 2,000 trials: time, memory, files, TensorBoard.

    python experiments/scale/run.py [--trials 2000] [--nodes 64] [--concurrent 8]

The nodes are raylets of one CPU on this machine, and the trials compute nothing: what is measured
is what leads them, not what they would do.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))
os.environ["PYTHONPATH"] = str(ROOT)

from distrib.cluster.connect import Cluster, connected, describe  # noqa: E402
from distrib.cluster.ray_internals.start import own_processes, with_few_processes  # noqa: E402
from distrib.records import StudyRecord, TrialRecord  # noqa: E402
from distrib.study.driver import loading, run_study  # noqa: E402
from distrib.study.driver.place import Place  # noqa: E402
from distrib.study.plan.options import Options  # noqa: E402
from distrib.study.plan.plan import make_plan  # noqa: E402
from distrib.study.space.space_file import find_space  # noqa: E402
from distrib.tracking.tensorboard import TensorBoardTracker  # noqa: E402

SIZES = (500, 1000, 2000)
STORE = 80_000_000  # bytes of each node's object store, the least that Ray takes
PATIENCE = 120.0  # seconds for TensorBoard to show all trials


@contextmanager
def many_nodes(count: int, *args: Any, **options: Any) -> Iterator[Cluster]:
    """A Ray of our own whose head has no CPU, with so many nodes of one CPU."""
    import ray
    from ray._private.node import Node
    from ray._private.parameter import RayParams

    options["cpus"] = 0
    with connected(*args, **options) as cluster:
        began, nodes = time.monotonic(), []
        head = ray.get_runtime_context().gcs_address
        try:
            with with_few_processes(log_to_driver=False, environments=False):
                for _ in range(count):
                    given = RayParams(
                        gcs_address=head,
                        node_ip_address="127.0.0.1",
                        num_cpus=1,
                        num_gpus=0,
                        object_store_memory=STORE,
                        temp_dir=str(cluster.scratch),
                        session_name=None,
                        min_worker_port=0,
                        max_worker_port=0,
                    )
                    nodes.append(Node(given, head=False, shutdown_at_exit=True, spawn_reaper=False))
            print(f"{count} nodes came in {time.monotonic() - began:.0f} s", flush=True)
            yield describe(cluster.address, cluster.scratch)
        finally:
            for node in nodes:
                node.kill_all_processes(check_alive=False, allow_graceful=False, wait=False)


class Watch:
    """Wall and processor seconds, and megabytes of the driver and Ray's head, as trials end."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.seen: list[tuple[float, float]] = []
        self.sizes: dict[int, dict[str, float]] = {}

    def trial_ended(self, trial: TrialRecord) -> None:
        self.seen.append((time.monotonic(), used()))
        if (ended := len(self.seen)) in SIZES:
            (ledger,) = self.folder.glob("*/ledger.journal")
            (head,) = own_processes()["gcs_server"]
            files = sum(len(names) for _, _, names in os.walk(self.folder))
            self.sizes[ended] = {
                "driver": resident(os.getpid()),
                "head": resident(head),
                "ledger": ledger.stat().st_size / 1e6,
                "files": files,
            }

    def study_started(self, study: StudyRecord) -> None:
        self.began = time.monotonic(), used()

    def trial_started(self, trial: TrialRecord) -> None: ...
    def trial_progressed(self, trial: TrialRecord, rows: list[dict[str, float]]) -> None: ...
    def tick(self) -> None: ...
    def study_ended(self, study: StudyRecord, interrupted: bool) -> None: ...


def used() -> float:
    """Processor seconds of this process so far."""
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


def resident(pid: int) -> float:
    """Megabytes of a process in memory."""
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


def board(events: Path, count: int) -> tuple[float, float, float]:
    """Seconds until HParams shows so many trials; then of one request of TensorBoard's, and MB."""
    with tempfile.TemporaryDirectory() as folder, socket.socket() as free:
        part = Path(folder) / "part"
        part.mkdir()
        for path in sorted(events.iterdir())[: count + 1] if count else ():
            (shutil.copytree if path.is_dir() else shutil.copy)(path, part / path.name)
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
        free.close()
        began = time.monotonic()
        server = subprocess.Popen(
            [sys.executable, "-m", "tensorboard.main", "--logdir", str(part),
             "--host", "127.0.0.1", "--port", str(port)],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        try:
            while True:
                asked = time.monotonic()
                shown, size = rows_of(port)
                now = time.monotonic()
                if shown >= count:
                    return now - began, now - asked, size / 1e6
                assert now - began < PATIENCE, f"{shown} of {count} trials after {PATIENCE:.0f} s"
                time.sleep(0.25)
        finally:
            server.terminate()
            server.wait(30)


def rows_of(port: int) -> tuple[int, int]:
    """Rows that HParams shows, and bytes of its answer; none where nothing answers yet."""
    kinds = ["STATUS_UNKNOWN", "STATUS_SUCCESS", "STATUS_FAILURE", "STATUS_RUNNING"]
    asked = {"allowedStatuses": kinds, "colParams": [], "startIndex": 0, "sliceSize": 10_000}
    request = urllib.request.Request(
        f"http://127.0.0.1:{port}/data/plugin/hparams/session_groups",
        json.dumps(asked).encode(),
        {"Content-Type": "application/json"},
    )
    try:
        with urllib.request.urlopen(request, timeout=PATIENCE) as answer:
            content = answer.read()
    except OSError:
        return -1, 0
    return len(json.loads(content).get("sessionGroups", ())), len(content)


def slope(sizes: list[int], values: list[float]) -> float:
    """The exponent of values that grow as a power of sizes: 1 is linear."""
    return float(np.polyfit(np.log(sizes), np.log(values), 1)[0])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--trials", type=int, default=2000)
    parser.add_argument("--nodes", type=int, default=64)
    parser.add_argument("--concurrent", type=int, default=8)
    parser.add_argument("--sampler", default="random")
    args = parser.parse_args()
    options = Options(
        allow_custom=True,
        trials=args.trials,
        sampler=args.sampler,
        scheduler="none",
        concurrent=args.concurrent,
        fixed={"work": 1e-6},
        test_fraction=0,
    )
    loading.connected = lambda *a, **o: many_nodes(args.nodes, *a, **o)
    space = find_space(str(ROOT / "experiments" / "orchestration" / "work.yaml"))
    with tempfile.TemporaryDirectory() as folder:
        watch = Watch(Path(folder))
        run_study.run_study(
            make_plan(space, options),
            Place(Path(folder)),
            say=print,
            phase=lambda *_: None,
            trackers=lambda run: [TensorBoardTracker(run.tensorboard), watch],
        )
        sizes = [size for size in SIZES if size <= args.trials]
        measured: dict[str, list[float]] = {}
        for size in sizes:
            last = max(0, size - 500)  # the last 500 of these trials
            seconds, cpu = np.subtract(watch.seen[size - 1], watch.seen[last])
            row = {
                "ms a trial": 1e3 * seconds / (size - 1 - last),
                "of the driver's CPU": 1e3 * cpu / (size - 1 - last),
                **watch.sizes[size],
            }
            (events,) = Path(folder).glob("*/tensorboard")
            row["board, s"], row["a request, s"], row["its MB"] = board(events, size)
            for name, value in row.items():
                measured.setdefault(name, []).append(value)
    print(f"{'':24s}" + "".join(f"{size:>9d}" for size in sizes) + "  exponent")
    for name, values in measured.items():
        grown = f"{slope(sizes, values):9.2f}" if len(sizes) > 1 else ""
        print(f"{name:24s}" + "".join(f"{value:9.2f}" for value in values) + grown)


if __name__ == "__main__":
    main()
