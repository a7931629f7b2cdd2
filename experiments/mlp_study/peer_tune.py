"""Peer (b): Ray Tune by hand with the stock OptunaSearch and ASHAScheduler.

    python experiments/mlp_study/peer_tune.py SEED TRIALS new|reused

A new process for every trial, as Tune has it by default, or processes kept for the next one.
"""

from __future__ import annotations

import os
import sys
import tempfile
import time

BEGAN = time.time()
os.environ.update(
    RAY_AIR_NEW_OUTPUT="0",
    TUNE_DISABLE_AUTO_CALLBACK_LOGGERS="1",
    TUNE_FUNCTION_THREAD_TIMEOUT_S="600",
    RAY_USAGE_STATS_ENABLED="0",
)

import ray  # noqa: E402
from ray import tune  # noqa: E402
from ray.tune.schedulers import ASHAScheduler  # noqa: E402
from ray.tune.search.optuna import OptunaSearch  # noqa: E402


def trial(config: dict) -> None:
    import torch
    from by_hand import cross_validate, load

    torch.set_num_threads(1)
    for value in cross_validate(config, load(), 60, config["seed"]):
        tune.report({"pearson": value})


class Watch(tune.Callback):
    """When 0.72 was first reached, and the best of all."""

    best, reached = float("-inf"), float("nan")

    def on_trial_result(self, iteration, trials, trial, result, **info) -> None:
        Watch.best = max(Watch.best, result["pearson"])
        if result["pearson"] >= 0.72 and Watch.reached != Watch.reached:
            Watch.reached = time.time() - BEGAN


def main(seed: int, trials: int, reuse: bool) -> None:
    space = {
        "hidden_width": tune.lograndint(16, 513),
        "num_layers": tune.randint(1, 4),
        "dropout": tune.uniform(0, 0.7),
        "learning_rate": tune.loguniform(1e-4, 1e-2),
        "weight_decay": tune.loguniform(1e-4, 1),
        "loss": tune.choice(["mse", "cross_entropy"]),
        "seed": seed,
    }
    with tempfile.TemporaryDirectory() as folder:
        ray.init(num_cpus=2, log_to_driver=False, logging_level=40)
        tune.Tuner(
            trial,
            param_space=space,
            tune_config=tune.TuneConfig(
                metric="pearson",
                mode="max",
                num_samples=trials,
                max_concurrent_trials=2,
                search_alg=OptunaSearch(seed=seed),
                scheduler=ASHAScheduler(max_t=60, grace_period=4, reduction_factor=3),
                reuse_actors=reuse,
            ),
            run_config=tune.RunConfig(storage_path=folder, verbose=0, callbacks=[Watch()]),
        ).fit()
        ray.shutdown()
    print(f"seconds {time.time() - BEGAN:.1f} best {Watch.best:.4f} reached {Watch.reached:.1f}")


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), sys.argv[3] == "reused")
