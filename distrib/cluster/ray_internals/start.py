"""How a Ray begins, and what it has started by its end."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import partial, wraps
from typing import TYPE_CHECKING, Any

from distrib.cluster.patch import patched

if TYPE_CHECKING:
    import psutil

LOOK = 0.02  # seconds between two looks whether the node is there
PATIENCE = 10.0  # seconds after which Ray's own look tells what is wrong
NONE = -1  # as the port of a service that is not there
NOBODYS = 1  # a port for the service that must have one
IDLE = "cat"  # ends when its input does: at the raylet's end, by the next
ENDED_BY_A_PIPE = {"RAY_enable_pipe_based_agent_to_parent_health_check": "1"}


@contextmanager
def sooner_and_interruptible() -> Iterator[None]:
    """Ray finds its node when it is there, and leaves SIGTERM to us.

    It would look once a second whether its node has registered, which takes 0.2 s; and it would
    take SIGTERM for itself, and end the driver where it stands.
    """
    import ray
    from ray._private import services, utils

    get_node = services.get_node

    def get_node_soon(gcs_address: str, node_id: str) -> Any:
        state = ray._private.state.GlobalState()
        state._initialize_global_state(services._get_gcs_client_options(gcs_address))
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end:
            if any(node["NodeID"] == node_id for node in state.node_table()):
                break
            time.sleep(LOOK)
        return get_node(gcs_address, node_id)

    with (
        patched(services, get_node=get_node_soon),
        patched(utils, set_sigterm_handler=lambda handler: None),
    ):
        yield


@contextmanager
def with_few_processes(*, log_to_driver: bool, environments: bool) -> Iterator[None]:
    """Ray starts none that a study's own Ray has no use for, each a second of a core's time.

    These are the autoscaler of a machine that stays alone, a dashboard without its pages, what
    brings the processes' output to a driver that does not show it, and the raylet's agents. The
    raylet waits for those, and so would all that follows.

    All of them listen on the loopback alone, as Ray has it where it makes no clusters.

    The others are in a session of their own: who ends the process group of the driver, as `timeout`
    and Slurm do, asks the driver alone, which needs its Ray for an end in good order.

    Args:
        environments: whether something asks Ray for processes with environments of their own, which
            an agent makes. If nothing does, then Ray does not either, as it would under `uv run`.
    """
    from ray._private import ray_constants, services, worker
    from ray._private.node import Node

    unused: dict[str, Any] = {
        "start_monitor": lambda node: None,
        "start_api_server": lambda node, **options: None,
    }
    if not log_to_driver:
        unused["start_log_monitor"] = lambda node: None
    start = services.start_ray_process

    def start_alone(command: list[str], process_type: str, **options: Any) -> Any:
        if process_type == ray_constants.PROCESS_TYPE_RAYLET:
            command = _without_agents(command, environments)
            options["env_updates"] = {**(options.get("env_updates") or {}), **ENDED_BY_A_PIPE}
        return start(command, process_type, **options)

    apart = partial(services.ConsolePopen, start_new_session=True)
    asked = {} if environments else {"_maybe_modify_runtime_env": lambda given, skip: None}
    with (
        patched(ray_constants, ENABLE_RAY_CLUSTER=False),
        patched(Node, **unused),
        patched(services, start_ray_process=start_alone, ConsolePopen=apart),
        patched(worker, **asked),
    ):
        yield


def _without_agents(command: Sequence[str], environments: bool) -> list[str]:
    """The command of a raylet that finds its agents' ports written already, and none behind them.

    It ends with its agents, so there is a process in the place of each: one that waits for nothing,
    until the raylet is gone.
    """
    from ray import _raylet

    names: Any = _raylet
    given = dict(word.removeprefix("--").partition("=")[::2] for word in command)
    ports = {
        names.METRICS_AGENT_PORT_NAME: NONE,
        names.METRICS_EXPORT_PORT_NAME: NONE,
        names.DASHBOARD_AGENT_LISTEN_PORT_NAME: NONE,
    }
    agents = ["dashboard_agent_command"]
    if not environments:
        ports[names.RUNTIME_ENV_AGENT_PORT_NAME] = NOBODYS
        agents.append("runtime_env_agent_command")
    for name, port in ports.items():
        names.persist_port(given["session_dir"], given["node_id"], name, port)
    return [
        f"--{key}={IDLE}" if (key := word.removeprefix("--").partition("=")[0]) in agents else word
        for word in command
    ]


def hush_raylets() -> None:
    """A process that died is told by the study, in a line; Ray would print a page of guesses."""
    from ray._private import worker

    if not hasattr(worker.print_to_stdstream, "__wrapped__"):
        worker.print_to_stdstream = _say_nothing(worker.print_to_stdstream)


def started() -> list[psutil.Process]:
    """What the raylet of this driver's own Ray has started, and what came of that."""
    import psutil

    found: list[psutil.Process] = []
    for pid in own_processes()["raylet"]:
        with suppress(psutil.NoSuchProcess):
            found += psutil.Process(pid).children(recursive=True)
    return found


def own_processes() -> dict[str, list[int]]:
    """The process ids of this driver's own Ray, by what they are: "raylet", "gcs_server"."""
    from ray._private import ray_constants, worker

    node = worker._global_node
    return {
        kind: [one.process.pid for one in node.all_processes.get(kind, ())] if node else []
        for kind in (ray_constants.PROCESS_TYPE_RAYLET, ray_constants.PROCESS_TYPE_GCS_SERVER)
    }


def raylet_socket() -> str:
    """The socket of the raylet that this driver is connected to."""
    from ray._private import worker

    return worker._global_node.raylet_socket_name


def _say_nothing(of: Callable[..., None]) -> Callable[..., None]:
    """A function that takes what `of` takes, known as its stand-in, and does nothing."""

    @wraps(of)
    def silent(*args: Any, **kwargs: Any) -> None:
        return None

    return silent
