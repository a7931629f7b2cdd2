"""Every key of daart's three files: where it stands, what it is without, and what it means here."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from distrib.data.behaviour.data_file import KEYS as DATA_KEYS
from distrib.data.behaviour.data_file import LISTS
from distrib.errors import InputError, nearest

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
    "results_dir",
    "eval_dir",
    "device",
    "gpus_vis",
    "tt_n_cpu_trials",
    "tt_n_cpu_workers",
)
"""Keys that belong to the whole search: no dimension."""

COLUMNS = ("columns", "feature_columns_to_keep")
"""Keys whose value is a list of names."""

SOURCE = ("data_dir", "input_type", "animal", "h5_key", "missing")
"""Keys that say which data are read: each combination of theirs is a study of its own."""

LEFT = ("model_class", "tt_experiment_name", "save_last_model", "plot_train_curves")
"""Keys that say what is trained, and what it leaves behind where."""

NO_RANGE = (*FIXED, *COLUMNS, *SOURCE, *LEFT)
"""Keys of which nothing is drawn from a range."""

TREES = ("random-forest", "xgboost")
TREES_KEYS = (
    "model_class",
    "n_lags",
    "velocity",
    "ignore_class",
    "sequence_length",
    "trial_splits",
    "split_seed",
    "train_frac",
    "rng_seed_train",
)
"""Keys that trees look at."""

TREES_IN_ALL = {"random-forest": 6000, "xgboost": 2000}
"""Trees of a forest, rounds of boosting: those of daart's companion."""

ROUNDS = 20

RENAMED = {"l2_reg": "weight_decay", "max_epochs": "epochs", "rng_seed_train": "seed"}

MOVES_LOSS = (
    "lambda_strong",
    "lambda_weak",
    "lambda_pred",
    "lambda_recon",
    "lambda_task",
    "weight_classes",
    "ignore_class",
    "classifier_type",
    "velocity",
)
"""Keys that say what the loss is a sum of: losses with different ones cannot be compared."""

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


def family_of(values: Mapping[str, Any]) -> str:
    """The family that a combination trains.

    Raises:
        InputError: a `model_class` that is none.
    """
    kind = values.get("model_class", "segmenter")
    if kind not in ("segmenter", *TREES):
        raise InputError(
            "no such class of models",
            where="model_class",
            found=kind,
            expected=f"one of segmenter, {', '.join(TREES)}",
            hint=nearest(str(kind), ("segmenter", *TREES)),
        )
    return "segmenter" if kind == "segmenter" else "segmenter_trees"


def kind_of(values: Mapping[str, Any]) -> str:
    """The folder of a combination among daart's: its backbone, or its class of trees."""
    kind = values.get("model_class", "segmenter")
    return str(values.get("backbone", "dtcn") if kind == "segmenter" else kind)


def settings_of(values: Mapping[str, Any]) -> dict[str, Any]:
    """The configuration of the family that a combination of daart's keys asks for.

    What it does not look at is left at the family's default, so that combinations that train alike
    are equal.
    """
    given = {**WITHOUT, **values}
    if family_of(given) != "segmenter":
        return _settings_of_trees(given)
    found: dict[str, Any] = {"keep_tail": False}
    for key, value in given.items():
        if key in (*FIXED, *COLUMNS, *SOURCE, *LEFT, *LISTS):
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


def _settings_of_trees(given: Mapping[str, Any]) -> dict[str, Any]:
    kind = given["model_class"]
    own = {RENAMED.get(key, key): given[key] for key in TREES_KEYS if key in given}
    if given.get("input_type") == "features-simba":  # features that look at other frames already
        own["n_lags"] = 0
    each = TREES_IN_ALL[kind] // ROUNDS
    return {"keep_tail": False, "rounds": ROUNDS, "trees_per_round": each, **own}


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
