"""Starting or joining Ray, with the settings that a study depends on."""

from __future__ import annotations

import logging
import os
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from distrib.cluster.ending import shut_down
from distrib.cluster.environment import FRAMEWORK, compiled_once, passed_on, set_environment
from distrib.cluster.growth import Growth, known_growth
from distrib.cluster.interruption import ended_like_ctrl_c, held_back
from distrib.cluster.joining import no_answer, require_answer, silence
from distrib.cluster.ray_internals.start import (
    hush_raylets,
    sooner_and_interruptible,
    with_few_processes,
)
from distrib.cluster.ray_watch import Lost, ray_watched
from distrib.cluster.scratch import scratch_folder
from distrib.cluster.secret_files import require_private_token
from distrib.cluster.shipping import gather
from distrib.errors import InputError

HEAD = "node:__internal_head__"  # a resource of Ray's head alone


@dataclass(frozen=True)
class Resources:
    """What one trial takes.

    Attributes:
        workers: processes of a trial. most: so many, as far as the cluster holds them; None where
            their number is fixed. cpus, gpus: of each; a GPU may be shared by trials of one
            worker. accelerator_type: such as "A100", None for any.
    """

    workers: int = 1
    cpus: float = 1
    gpus: float = 0
    accelerator_type: str | None = None
    most: int | None = None

    @property
    def group(self) -> bool:
        """Whether a trial is a group of workers instead of one process."""
        return self.greatest > 1

    @property
    def greatest(self) -> int:
        """The most workers that a trial may have."""
        return max(self.workers, self.most or 1)

    def __str__(self) -> str:
        gpus = f"{self.gpus:g} GPUs" if self.gpus else ""
        words = (f"{self.cpus:g} CPUs", gpus, self.accelerator_type)
        return f"{self.workers} x ({', '.join(filter(None, words))})"

    def scaling(self) -> int | tuple[int, int]:
        """The number of workers in Ray Train's words."""
        return self.workers if self.most is None else (self.workers, self.most)

    def bundle(self) -> dict[str, float]:
        """The request of one worker in Ray's words."""
        request: dict[str, float] = {"CPU": self.cpus}
        if self.gpus:
            request["GPU"] = self.gpus
        if self.accelerator_type:
            request[f"accelerator_type:{self.accelerator_type}"] = 0.001
        return request

    def workers_on(self, node: Mapping[str, float]) -> int:
        """How many workers fit on a node with these resources."""
        request = self.bundle()
        return int(min(node.get(key, 0) / amount + 1e-9 for key, amount in request.items()))


@dataclass(frozen=True)
class Cluster:
    """What Ray has to give.

    Attributes:
        scratch: a folder of this driver's, gone when it ends. growth: what it may come to have.
    """

    address: str
    scratch: Path
    nodes: int
    cpus: float
    gpus: float
    node_resources: tuple[dict[str, float], ...]
    growth: Growth = field(default_factory=Growth)

    def accelerators(self) -> list[str]:
        """The types that there are, as `Resources.accelerator_type` names them."""
        keys = {key for node in self.node_resources for key in node}
        return sorted(k.partition(":")[2] for k in keys if k.startswith("accelerator_type:"))

    def holds(self, resources: Resources) -> int:
        """How many trials fit at once, node by node."""
        return sum(resources.workers_on(node) for node in self.node_resources) // resources.workers

    def may_hold(self, resources: Resources) -> int:
        """How many would if its autoscaler started all nodes that it may."""
        heads = [node for node in self.node_resources if HEAD in node]
        workers = sorted((resources.workers_on(node) for node in self.growth.nodes), reverse=True)
        grown = sum(resources.workers_on(node) for node in heads) + sum(workers[: self.growth.most])
        return max(self.holds(resources), grown // resources.workers)


@contextmanager
def connected(
    address: str | None,
    *,
    cpus: int | None = None,
    threads: int | None = None,
    debug: bool = False,
    ship: Sequence[str] = (),
    preload: str | None = None,
    framework: str | None = None,
    environments: bool = False,
    lost: Lost | None = None,
) -> Iterator[Cluster]:
    """A Ray of the study's own, or the cluster at `address`; shut down or left at the end.

    Args:
        cpus: what a Ray of one's own offers. threads: of each process; None leaves that open.
        debug: whether all that is written reaches the screen.
        ship: what of the user's code a cluster's nodes need: `package.module:Class`, see `gather`.
        preload: a module that each process of a Ray of one's own imports as it starts, or None.
        framework: what that finds in the environment as `FRAMEWORK`, None for nothing.
        environments: whether processes of a Ray of one's own may have environments of their own.
        lost: tells the reader that Ray itself is gone, whereupon this process ends; None leaves
            that to Ray.

    Raises:
        InputError: no Ray starts here, or no cluster answers at `address`, or others may read its
            token here, or the code is too large to be sent there.
    """
    set_environment(address, threads)
    with held_back():
        import ray

    if ray.is_initialized():  # by the script or the notebook that searches
        raise InputError(
            "Ray runs already in this process",
            expected="none: a study starts its own, or joins the cluster at an address",
            hint="call ray.shutdown() first",
        )
    if not debug:
        for name in ("ray", "ray.tune", "ray.train", "ray.data"):
            logging.getLogger(name).setLevel(logging.ERROR)
        # Of trials that failed, which the study tells by their numbers.
        logging.getLogger("ray.tune.tune").setLevel(logging.CRITICAL)
    scratch = scratch_folder()
    common: dict[str, Any] = {
        "log_to_driver": debug,
        "logging_level": logging.INFO if debug else logging.ERROR,
        "configure_logging": True,
    }
    with ended_like_ctrl_c():
        try:
            with sooner_and_interruptible():
                if address is None:
                    os.environ[FRAMEWORK] = framework or ""
                    with held_back():
                        _start(scratch, cpus, preload, environments, common)
                else:
                    require_private_token()
                    require_answer(address)
                    _join(address, gather(scratch / "code", ship), common, debug)
            if not debug:
                hush_raylets()
            watched = ray_watched(address is None, scratch, lost) if lost else nullcontext()
            with watched:
                found = describe(address or "local", scratch)
                yield replace(found, growth=known_growth()) if address and _on_head() else found
        finally:
            shut_down(own=address is None)
            shutil.rmtree(scratch, ignore_errors=True)


def _start(
    scratch: Path,
    cpus: int | None,
    preload: str | None,
    environments: bool,
    common: dict[str, Any],
) -> None:
    """A Ray of our own; of what keeps it from starting, Ray raises plain exceptions."""
    import ray

    try:
        # "local" never joins a Ray that happens to run, also where RAY_ADDRESS names one.
        few = with_few_processes(log_to_driver=common["log_to_driver"], environments=environments)
        with few, compiled_once(scratch / "compiled"):
            ray.init(
                address="local",
                num_cpus=cpus,
                include_dashboard=False,
                _temp_dir=str(scratch),
                _system_config={"preload_python_modules": [preload]} if preload else None,
                **common,
            )
    except Exception as error:
        raise InputError(
            "Ray could not be started on this machine",
            found=str(error).partition("\n")[0],
            expected=f"memory for its processes, and room for their files in {scratch.parent}",
            hint="python -m distrib.doctor looks at both; TMPDIR names another place for files",
        ) from error


def _join(address: str, code: Path, common: dict[str, Any], debug: bool) -> None:
    """Join a cluster; its processes for this driver work in a copy of `code`, before all else."""
    import ray
    from ray.exceptions import AuthenticationError

    environment = passed_on()
    if "PYTHONPATH" in os.environ:  # what lies on a disk that all nodes share
        environment["PYTHONPATH"] = os.environ["PYTHONPATH"]
    with silence(wanted=not debug) as written:
        try:
            ray.init(
                address=address,
                runtime_env={"working_dir": str(code), "env_vars": environment},
                **common,
            )
        except (ConnectionError, RuntimeError, ValueError, AuthenticationError) as error:
            raise no_answer(address, error, written()) from None


def _on_head() -> bool:
    """Whether this is the machine of the cluster's head, and its files those of that cluster."""
    import ray

    here = ray.get_runtime_context().get_node_id()
    return any(node["NodeID"] == here and HEAD in node["Resources"] for node in ray.nodes())


def describe(address: str, scratch: Path) -> Cluster:
    """The living nodes and what they hold."""
    import ray

    nodes = [node["Resources"] for node in ray.nodes() if node["Alive"]]
    return Cluster(
        address=address,
        scratch=scratch,
        nodes=len(nodes),
        cpus=sum(node.get("CPU", 0) for node in nodes),
        gpus=sum(node.get("GPU", 0) for node in nodes),
        node_resources=tuple(nodes),
    )
