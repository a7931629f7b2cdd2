"""Ray Tune while a search runs: without what a study has no use for, and right about deaths.

What is left out costs milliseconds of every trial, or seconds of every study.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache
from types import SimpleNamespace
from typing import Any, NamedTuple

import ray
from ray import tune
from ray._private.state import actors
from ray.air.execution._internal.actor_manager import RayActorManager
from ray.tune.execution import class_cache
from ray.tune.execution.experiment_state import _ExperimentCheckpointManager
from ray.tune.execution.tune_controller import TuneController
from ray.tune.experiment import Trial
from ray.tune.registry import _global_registry

from distrib.cluster.patch import patched

WORKER = "RayTrainWorker"  # the class of Ray Train's workers
BEAT = 0.25  # seconds between two looks at a silent study, and between calls of trackers


@contextmanager
def lean_tune() -> Iterator[None]:
    """Tune without its own record of all trials, and without what it asks again and again.

    It would write that record and read it at the end, where the ledger is the record; look up the
    class of its trainable in the cluster five times a trial, where once will do; and ask a process
    that takes the next trial for its address, before that trial. It would look about ten times a
    second while all trials compute; what comes is heard at once all the same. And it would leave a
    process that has stopped to end by itself.
    """
    hear, forget = RayActorManager.next, RayActorManager._cleanup_actor

    def end(manager: Any, tracked_actor: Any) -> None:
        """What has stopped is ended; left to end by itself, it may wait for ever (Ray 2.60)."""
        process, _ = manager._live_actors_to_ray_actors_resources[tracked_actor]
        ray.kill(process)
        forget(manager, tracked_actor)

    registry: Any = _global_registry
    with (
        patched(_ExperimentCheckpointManager, sync_up_experiment_state=_no_record),
        patched(tune.tune, ExperimentAnalysis=_no_analysis),
        patched(registry, get=cache(registry.get), contains=cache(registry.contains)),
        patched(RayActorManager, next=lambda of, timeout: hear(of, max(timeout, BEAT))),
        patched(RayActorManager, _cleanup_actor=end),
        patched(Trial, set_ray_actor=_without_a_question),
        _processes_at_hand(),
    ):
        yield


def _no_record(manager: Any, *args: Any, **kwargs: Any) -> None:
    pass


def _no_analysis(**of: Any) -> SimpleNamespace:
    return SimpleNamespace(trials=[])


def _without_a_question(trial: Any, ray_actor: Any) -> None:
    trial.temporary_state.ray_actor = ray_actor


@contextmanager
def _processes_at_hand() -> Iterator[None]:
    """Tune wants an environment of their own for its processes, so none that is there will do.

    There is nothing in it that the processes of the driver's Ray do not have from the driver. On a
    cluster it carries what Tune takes along, so it stays.
    """
    own: dict[str, Any] = {"DEFAULT_ENV_VARS": {}, "ENV_VARS_TO_PROPAGATE": set()}
    with patched(class_cache, **({} if ray.get_runtime_context().runtime_env else own)):
        yield


@contextmanager
def memory_kills_are_failures() -> Iterator[None]:
    """Let Tune take an actor that Ray's memory monitor ended for one that died.

    The error is of a class that Tune does not know, and would end the whole study.
    """
    manager: Any = RayActorManager
    heard = manager._actor_task_failed

    def failed(self: Any, tracked_actor_task: Any, exception: Exception) -> None:
        if isinstance(exception, ray.exceptions.OutOfMemoryError):
            exception = ray.exceptions.RayActorError(error_msg=str(exception))
        heard(self, tracked_actor_task, exception)

    with patched(manager, _actor_task_failed=failed):
        yield


@contextmanager
def one_death_counts_once() -> Iterator[None]:
    """A kept process that died between two trials costs the next one nothing.

    Tune would find it dead as it hands it to that trial, tell this twice (of the process, and of
    the request), so that the trial fails for good, and take it for one that is being handed over
    from then on. It has not begun: it is begun elsewhere, and its failures stay as they are.
    """
    tell = TuneController._trial_task_failure

    def failed(self: Any, trial: Any, exception: Exception) -> None:
        died = isinstance(exception, ray.exceptions.RayActorError)
        if died and trial.status == Trial.PENDING and trial not in self._trial_to_actor:
            return  # told already
        if died and trial in self._resetting_trials:
            self._resetting_trials.discard(trial)
            self._schedule_trial_stop(trial, exception=exception)
            self._requeue_trial(trial)
            return
        tell(self, trial, exception)

    with patched(TuneController, _trial_task_failure=failed):
        yield


def roomless(wrapped: Any) -> Iterator[Trial]:
    """The trials for whose own processes there is no room.

    Args:
        wrapped: the controller, as Tune shows it to a scheduler.
    """
    controller = wrapped._tune_controller
    waiting = set(controller._actor_manager.pending_actors)
    for trial in controller._pending_trials:
        if controller._trial_to_actor.get(trial) in waiting:
            yield trial


class Process(NamedTuple):
    """A process of Ray's: the id of its node, its own, and the class of the actor in it."""

    node: str
    pid: int
    kind: str


def processes_of(trial: Trial) -> list[Process]:
    """All that a trial runs in, its actor's own first; empty where it has none.

    Of a group these are also its workers and what looks after them: whoever made a process is told
    as its owner.
    """
    actor = trial.temporary_state.ray_actor
    known = actors(actor_id=actor._actor_id.hex()) if actor is not None else None
    if not known:
        return []
    job = ray.JobID.from_hex(known["JobID"])
    living = [one for one in actors(job_id=job).values() if one["State"] == "ALIVE"]
    found = [known]
    for one in found:  # grows meanwhile
        found += [other for other in living if other["OwnerAddress"] == one["Address"]]
    return [
        Process(one["Address"]["NodeID"], one["Pid"], one["ActorClassName"])
        for one in found
        if one["Pid"] > 0
    ]


def training(processes: list[Process]) -> list[Process]:
    """Those of a trial's processes that train: the workers of its group, or its only one."""
    return [one for one in processes if one.kind.endswith(WORKER)] or processes[:1]


def host_of(node: str) -> str:
    """The name of a node by its id."""
    names = {one["NodeID"]: one["NodeManagerHostname"] for one in ray.nodes()}
    return names.get(node, "a node that is gone")


def end_processes(trial: Trial) -> None:
    """End what a trial runs in, though it may be stopped and hear nothing: Tune is told of it.

    What is on other nodes is ended there by Ray: an actor as it is killed, workers of a group as
    `Mailbox.watch` frees their places.
    """
    here = ray.get_runtime_context().get_node_id()
    for process in processes_of(trial):
        if process.node == here:
            with suppress(OSError):
                os.kill(process.pid, signal.SIGKILL)
    ray.kill(trial.temporary_state.ray_actor)
