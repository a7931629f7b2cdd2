"""Every key of daart's three files: where it stands, what it is without, and what it means here."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from distrib.data.behaviour.data_file import KEYS as DATA_KEYS
from distrib.errors import InputError

MODEL_KEYS = (
    "model_class",
    "backbone",
    "n_hid_layers",
    "n_hid_units",
    "n_lags",
    "activation",
    "bidirectional",
    "dropout",
    "classifier_type",
    "lambda_weak",
    "lambda_strong",
    "lambda_recon",
    "lambda_pred",
    "lambda_task",
    "tt_experiment_name",
    "rng_seed_model",
    "variational",
    "semi_supervised_algo",
    "prob_threshold",
    "variance_threshold",
    "anneal_start",
    "anneal_end",
    "velocity",
)
TRAIN_KEYS = (
    "learning_rate",
    "sequence_length",
    "batch_size",
    "l2_reg",
    "min_epochs",
    "max_epochs",
    "val_check_interval",
    "enable_early_stop",
    "early_stop_history",
    "save_last_model",
    "train_frac",
    "trial_splits",
    "split_seed",
    "rng_seed_train",
    "plot_train_curves",
    "device",
    "gpus_vis",
    "tt_n_cpu_trials",
    "tt_n_cpu_workers",
)
FILES: Mapping[str, tuple[str, ...]] = {
    "data_config": DATA_KEYS,
    "model_config": MODEL_KEYS,
    "train_config": TRAIN_KEYS,
}

FIXED = (
    "input_type",
    "data_dir",
    "results_dir",
    "eval_dir",
    "columns",
    "feature_columns_to_keep",
    "animal",
    "h5_key",
    "missing",
    "model_class",
    "tt_experiment_name",
    "device",
    "gpus_vis",
    "tt_n_cpu_trials",
    "tt_n_cpu_workers",
    "save_last_model",
    "plot_train_curves",
)
"""Keys that belong to the whole search: no dimension."""

RENAMED = {"l2_reg": "weight_decay", "max_epochs": "epochs", "rng_seed_train": "seed"}

WITHOUT = {
    "weight_classes": True,
    "ignore_class": 0,
    "dropout": 0.2,
    "val_check_interval": 1,
    "enable_early_stop": True,
    "early_stop_history": 5,
}
"""What daart takes where a key is missing, and this family would take another value."""

ONLY_OF: Mapping[str, tuple[str, ...]] = {
    "dropout": ("dtcn",),
    "bidirectional": ("lstm", "gru"),
    "n_lags": ("dtcn", "temporal-mlp"),
    "activation": ("dtcn", "temporal-mlp"),
}
"""Keys that some backbones alone look at."""

SEMI_SUPERVISED = ("prob_threshold", "variance_threshold", "anneal_start", "anneal_end")


def settings_of(values: Mapping[str, Any]) -> dict[str, Any]:
    """The configuration of the family that a combination of daart's keys asks for.

    What its backbone does not look at is left at the family's default, so that combinations that
    train alike are equal.
    """
    given = {**WITHOUT, **values}
    found: dict[str, Any] = {"keep_tail": False}
    for key, value in given.items():
        if key in FIXED or (key in DATA_KEYS and key not in ("ignore_class", "weight_classes")):
            continue
        if key in ("val_check_interval", "enable_early_stop", "early_stop_history"):
            continue
        if key in ONLY_OF and given.get("backbone", "dtcn") not in ONLY_OF[key]:
            continue
        if key in SEMI_SUPERVISED and not given.get("semi_supervised_algo"):
            continue
        found[RENAMED.get(key, key)] = value
    found["patience"] = patience_of(given)
    return found


def patience_of(given: Mapping[str, Any]) -> int:
    """Epochs without a lower validation loss after which a training stops; 0: never.

    daart counts checks, which come every `val_check_interval` epochs; here every epoch is checked.
    """
    if not given["enable_early_stop"]:
        return 0
    every, checks = given["val_check_interval"], given["early_stop_history"]
    for key in ("val_check_interval", "early_stop_history"):
        value = given[key]
        if isinstance(value, bool) or not isinstance(value, (int, float)) or not value > 0:
            raise InputError("not a number above 0", where=key, found=value)
    return math.ceil(every * checks)
