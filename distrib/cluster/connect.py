"""Starting or joining Ray, with the settings that a study depends on."""

from __future__ import annotations

import logging
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from distrib.errors import InputError

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


@dataclass(frozen=True)
class Resources:
    """What one trial takes.

    Attributes:
        workers: processes of a trial. cpus, gpus: of each; a GPU may be shared by trials of one
            worker. accelerator_type: such as "A100", None for any.
    """

    workers: int = 1
    cpus: float = 1
    gpus: float = 0
    accelerator_type: str | None = None

    def bundle(self) -> dict[str, float]:
        """The request of one worker in Ray's words."""
        request: dict[str, float] = {"CPU": self.cpus}
        if self.gpus:
            request["GPU"] = self.gpus
        if self.accelerator_type:
            request[f"accelerator_type:{self.accelerator_type}"] = 0.001
        return request


@dataclass(frozen=True)
class Cluster:
    """What Ray has to give."""

    address: str
    nodes: int
    cpus: float
    gpus: float
    node_resources: tuple[dict[str, float], ...]

    def holds(self, resources: Resources) -> int:
        """How many trials fit at once, node by node."""
        request = resources.bundle()
        workers = sum(
            int(min(node.get(key, 0) / amount + 1e-9 for key, amount in request.items()))
            for node in self.node_resources
        )
        return workers // resources.workers


@contextmanager
def connected(
    address: str | None, *, cpus: int | None = None, debug: bool = False
) -> Iterator[Cluster]:
    """A Ray of the study's own, or the cluster at `address`; shut down or left at the end.

    Raises:
        InputError: no cluster answers at `address`.
    """
    set_environment()
    import ray

    if not debug:
        for name in ("ray", "ray.tune", "ray.train", "ray.data"):
            logging.getLogger(name).setLevel(logging.ERROR)
    common: dict[str, Any] = {
        "log_to_driver": debug,
        "logging_level": logging.INFO if debug else logging.ERROR,
        "configure_logging": True,
    }
    if address is None:
        # "local" never joins a Ray that happens to run, also where RAY_ADDRESS names one.
        ray.init(
            address="local",
            num_cpus=cpus,
            include_dashboard=False,
            _temp_dir=_temporary_folder(),
            **common,
        )
    else:
        environment = {**SETTINGS, "PYTHONPATH": os.environ.get("PYTHONPATH", "")}
        try:
            ray.init(
                address=address,
                runtime_env={"env_vars": environment},
                **common,
            )
        except (ConnectionError, RuntimeError, ValueError) as error:
            raise InputError("no Ray cluster answers", where="--address", found=address,
                             expected=f"a cluster that runs ({str(error).splitlines()[0]})",
                             hint="start one with: ray up cluster.yaml") from None  # fmt: skip
    try:
        yield describe(address or "local")
    finally:
        ray.shutdown()


def describe(address: str) -> Cluster:
    """The living nodes and what they hold."""
    import ray

    nodes = [node["Resources"] for node in ray.nodes() if node["Alive"]]
    return Cluster(
        address=address,
        nodes=len(nodes),
        cpus=sum(node.get("CPU", 0) for node in nodes),
        gpus=sum(node.get("GPU", 0) for node in nodes),
        node_resources=tuple(nodes),
    )


def set_environment() -> None:
    """Set what Ray must find in the environment before it is imported."""
    for key, value in SETTINGS.items():
        os.environ.setdefault(key, value)
    # A Ray of our own listens on the loopback only; a cluster decides for itself by its token.
    os.environ.setdefault("RAY_AUTH_MODE", "token" if _has_token() else "disabled")


def _has_token() -> bool:
    named = os.environ.get("RAY_AUTH_TOKEN") or os.environ.get("RAY_AUTH_TOKEN_PATH")
    return bool(named) or (Path.home() / ".ray" / "auth_token").is_file()


def _temporary_folder() -> str:
    """A folder of this user's own: a foreign or full /tmp/ray does no harm."""
    user = getattr(os, "getuid", lambda: "user")()
    folder = Path(tempfile.gettempdir()) / f"distrib-ray-{user}"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    return str(folder)
