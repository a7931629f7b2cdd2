"""The environment that Ray must find, set before it is imported: it reads some of it only then."""

from __future__ import annotations

import os
import secrets
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

# Read by Ray in the driver and in every process it starts; see the comment beside each.
SETTINGS = {
    "RAY_AIR_NEW_OUTPUT": "0",  # Tune's own tables stay off
    "TUNE_DISABLE_STRICT_METRIC_CHECKING": "1",  # a trial that reports nothing fails alone
    "TUNE_DISABLE_AUTO_CALLBACK_LOGGERS": "1",  # no CSV, JSON and TensorBoard files of Tune's
    "TUNE_PRINT_ALL_TRIAL_ERRORS": "0",
    "TUNE_WARN_THRESHOLD_S": "30",
    "RAY_CHDIR_TO_TRIAL_DIR": "0",
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_TRAIN_ENABLE_STATE_TRACKING": "0",
    "RAY_TRAIN_HEALTH_CHECK_INTERVAL_S": "0.2",  # the default, 2 s, is added to start and end
    "RAY_TRAIN_ENABLE_PRINT_PATCH": "0",
    "RAY_TRAIN_METRICS_ENABLED": "0",
    "RAY_TRAIN_ENABLE_CONTROLLER_STRUCTURED_LOGGING": "0",
    "RAY_TRAIN_ENABLE_WORKER_STRUCTURED_LOGGING": "0",
    "RAY_WARN_BLOCKING_GET_INSIDE_ASYNC": "0",  # as Train has it
    "XLA_PYTHON_CLIENT_PREALLOCATE": "false",  # JAX shares a GPU's memory
    "RAY_DEDUP_LOGS": "0",
    "PL_DISABLE_FORK": "1",  # as Tune has it: Lightning's forks hang in Ray's processes
    "RAY_task_oom_retries": "1",  # without end otherwise: data too large would be read for ever
    # glibc would give a step's activations back to the system after each step and take them again
    # for the next, page by page (100 to 200 faults a step: experiments/stream).
    "MALLOC_TRIM_THRESHOLD_": str(64 * 2**20),
    "MALLOC_MMAP_THRESHOLD_": str(32 * 2**20),  # the most that it takes
}

# Of a Ray of our own alone.
OWN = {
    "RAY_gcs_rpc_server_reconnect_timeout_s": "10",  # its head is on this machine: gone is gone
    # Processes that wait for the first trials are not ended while the data load, unless for long.
    "RAY_idle_worker_killing_time_threshold_ms": "60000",
    "RAY_task_events_report_interval_ms": "0",  # for a dashboard that it has not
}

# Where JAX keeps what it compiled; see `compiled_once`.
COMPILED = "JAX_COMPILATION_CACHE_DIR"

# Names to the processes of a Ray of our own what they will compute with.
FRAMEWORK = "DISTRIB_FRAMEWORK"

# What else goes along to a cluster's processes, where the user has set it.
NETWORK = ("NCCL_SOCKET_IFNAME", "GLOO_SOCKET_IFNAME")
THREADS = (
    "OMP_NUM_THREADS",  # OpenMP: torch, XGBoost, scikit-learn
    "OPENBLAS_NUM_THREADS",  # NumPy and SciPy; read as they are imported
    "MKL_NUM_THREADS",  # the same from conda
    "NPROC",  # XLA's pool on the CPU; read as JAX begins to compute
)


def thread_settings(threads: int) -> dict[str, str]:
    """What gives a process that starts with it so many threads, whatever it computes with."""
    return dict.fromkeys(THREADS, str(threads))


def set_environment(address: str | None, threads: int | None = None) -> None:
    """Set what is not set yet; call it before the first import of Ray.

    A Ray of our own listens on the loopback, which other users of the machine reach as well. So it
    gets a token of its own, which lives in the environment of its processes and nowhere else. A
    cluster has its token already.

    Args:
        threads: of each process that Ray starts, whatever was set before; None leaves that open.
    """
    for key, value in SETTINGS.items():
        os.environ.setdefault(key, value)
    if threads is not None:
        os.environ.update(thread_settings(threads))
    if "ray" not in sys.modules and address is None:
        for key, value in OWN.items():
            os.environ.setdefault(key, value)
        os.environ["RAY_AUTH_MODE"] = "token"
        os.environ.setdefault("RAY_AUTH_TOKEN", secrets.token_hex(32))


@contextmanager
def compiled_once(folder: Path) -> Iterator[None]:
    """Processes that start meanwhile share what JAX compiles, in a place of the user's or here.

    All of them are on this machine: a program compiled for another one may not run.
    """
    ours = {} if COMPILED in os.environ else compiled_here(folder)
    # One by one: whoever goes through all of them trips over another thread that adds one.
    before = {name: os.environ[name] for name in ours if name in os.environ}
    os.environ.update(ours)
    try:
        yield
    finally:
        for name in ours:
            if name in before:
                os.environ[name] = before[name]
            else:
                del os.environ[name]


def compiled_here(folder: Path) -> dict[str, str]:
    """What has JAX keep what it compiles in a folder, which processes may share."""
    return {
        COMPILED: str(folder),
        "JAX_COMPILATION_CACHE_MAX_SIZE": str(2**30),  # with a limit, JAX locks the folder
        "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0.2",
    }


def passed_on() -> dict[str, str]:
    """What the processes on the nodes of a cluster find of this process's environment."""
    names = (*SETTINGS, *THREADS, *NETWORK)
    return {name: os.environ[name] for name in names if name in os.environ}
