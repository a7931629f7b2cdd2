"""Peer (a): plain Optuna TPE in one process, no early stopping. Prints one line of figures.

python experiments/mlp_study/peer_optuna.py SEED TRIALS
"""

from __future__ import annotations

import sys
import time

BEGAN = time.time()

import optuna  # noqa: E402
from by_hand import cross_validate, load  # noqa: E402


def main(seed: int, trials: int) -> None:
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    data = load()
    reached = float("nan")

    def objective(trial: optuna.Trial) -> float:
        nonlocal reached
        config = {
            "hidden_width": trial.suggest_int("hidden_width", 16, 512, log=True),
            "num_layers": trial.suggest_int("num_layers", 1, 3),
            "dropout": trial.suggest_float("dropout", 0, 0.7),
            "learning_rate": trial.suggest_float("learning_rate", 1e-4, 1e-2, log=True),
            "weight_decay": trial.suggest_float("weight_decay", 1e-4, 1, log=True),
            "loss": trial.suggest_categorical("loss", ["mse", "cross_entropy"]),
        }
        best = float("-inf")
        for value in cross_validate(config, data, 60, seed):
            best = max(best, value)
            if value >= 0.72 and reached != reached:
                reached = time.time() - BEGAN
        return best

    study = optuna.create_study(direction="maximize", sampler=optuna.samplers.TPESampler(seed=seed))
    study.optimize(objective, n_trials=trials)
    print(f"seconds {time.time() - BEGAN:.1f} best {study.best_value:.4f} reached {reached:.1f}")


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
