"""The peer: what a careful user writes with Ray Tune by hand, with reused processes.

python experiments/orchestration/peer.py TRIALS WORK
"""

from __future__ import annotations

import os
import sys
import tempfile
import time

os.environ.update(
    RAY_AIR_NEW_OUTPUT="0",
    TUNE_GLOBAL_CHECKPOINT_S="1e9",
    TUNE_FUNCTION_THREAD_TIMEOUT_S="600",
    TUNE_DISABLE_AUTO_CALLBACK_LOGGERS="1",
    RAY_USAGE_STATS_ENABLED="0",
)

import ray
from family import REPORTS, compute
from ray import tune


def trial(config: dict) -> None:
    for step in range(REPORTS):
        compute(config["work"] / REPORTS)
        tune.report({"score": config["x"], "epoch": step + 1})


def main(trials: int, work: float) -> None:
    with tempfile.TemporaryDirectory() as folder:
        ray.init(num_cpus=2, log_to_driver=False, logging_level=40)
        began = time.monotonic()
        tuner = tune.Tuner(
            trial,
            param_space={"x": tune.uniform(0, 1), "work": work},
            tune_config=tune.TuneConfig(
                metric="score",
                mode="max",
                num_samples=trials,
                max_concurrent_trials=2,
                reuse_actors=True,
            ),
            run_config=tune.RunConfig(storage_path=folder, verbose=0),
        )
        tuner.fit()
        print(f"seconds {time.monotonic() - began:.3f}")
        ray.shutdown()


if __name__ == "__main__":
    main(int(sys.argv[1]), float(sys.argv[2]))
