"""daart's three files as they are shipped, written from the table of their keys."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

DATA = {
    "input_type": "markers",
    "expt_ids": ["s0", "s1"],
    "ignore_class": 0,
    "weight_classes": False,
}
MODEL = {
    "model_class": "segmenter",
    "backbone": "dtcn",
    "n_hid_layers": 2,
    "n_hid_units": 32,
    "n_lags": 4,
    "activation": "lrelu",
    "bidirectional": True,
    "dropout": 0.1,
    "classifier_type": "multiclass",
    "lambda_weak": 1,
    "lambda_strong": 1,
    "lambda_recon": 0,
    "lambda_pred": 1,
    "lambda_task": 0,
    "tt_experiment_name": "test",
    "rng_seed_model": 0,
    "variational": False,
    "semi_supervised_algo": None,
    "prob_threshold": 0.9,
    "variance_threshold": 0.05,
    "anneal_start": 25,
    "anneal_end": 50,
}
TRAIN = {
    "learning_rate": "1e-4",
    "sequence_length": 500,
    "batch_size": 2,
    "l2_reg": 0,
    "min_epochs": 10,
    "max_epochs": 500,
    "val_check_interval": 1,
    "enable_early_stop": True,
    "early_stop_history": 5,
    "save_last_model": False,
    "train_frac": 1,
    "trial_splits": "9;1;0;0",
    "rng_seed_train": 0,
    "plot_train_curves": True,
    "device": "cpu",
    "gpus_vis": 0,
    "tt_n_cpu_trials": 100,
    "tt_n_cpu_workers": 5,
}


def write_files(
    folder: Path,
    data: dict[str, Any] | None = None,
    model: dict[str, Any] | None = None,
    train: dict[str, Any] | None = None,
) -> dict[str, Path]:
    """The shipped files with changes; a value of `...` leaves a key out."""
    places = {"data_dir": str(folder / "data"), "results_dir": str(folder / "results")}
    paths = {}
    for name, shipped, changes in (
        ("data_config", {**DATA, **places}, data),
        ("model_config", MODEL, model),
        ("train_config", TRAIN, train),
    ):
        content = {k: v for k, v in {**shipped, **(changes or {})}.items() if v is not ...}
        paths[name] = folder / f"{name.removesuffix('_config')}.yaml"
        paths[name].write_text(yaml.safe_dump(content, sort_keys=False))
    return paths
