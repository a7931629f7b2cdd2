"""The environment that Ray must find, set before it is imported: it reads some of it only then."""

from __future__ import annotations

import os
import secrets
import sys

# Read by Ray in the driver and in every process it starts; see the comment beside each.
SETTINGS = {
    "RAY_AIR_NEW_OUTPUT": "0",  # Tune's own tables stay off
    "TUNE_DISABLE_STRICT_METRIC_CHECKING": "1",  # a trial that reports nothing fails alone
    "TUNE_DISABLE_AUTO_CALLBACK_LOGGERS": "1",  # no CSV, JSON and TensorBoard files of Tune's
    "TUNE_GLOBAL_CHECKPOINT_S": "1000000000",  # the ledger is the record, not Tune's snapshots
    "TUNE_PRINT_ALL_TRIAL_ERRORS": "0",
    "TUNE_WARN_THRESHOLD_S": "30",
    "RAY_CHDIR_TO_TRIAL_DIR": "0",
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_TRAIN_ENABLE_STATE_TRACKING": "0",
    "XLA_PYTHON_CLIENT_PREALLOCATE": "false",  # JAX shares a GPU's memory
    "RAY_DEDUP_LOGS": "0",
}


def set_environment(address: str | None) -> None:
    """Set what is not set yet; call it before the first import of Ray.

    A Ray of our own listens on this machine's addresses, so it gets a token of its own, which lives
    in the environment of its processes and nowhere else. A cluster has its token already.
    """
    for key, value in SETTINGS.items():
        os.environ.setdefault(key, value)
    if "ray" not in sys.modules and address is None:
        os.environ["RAY_AUTH_MODE"] = "token"
        os.environ.setdefault("RAY_AUTH_TOKEN", secrets.token_hex(32))
