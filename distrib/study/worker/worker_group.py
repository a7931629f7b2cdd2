"""A group of workers kept for one training after another, through Ray Train.

One `fit()` lasts as long as the actor. Its workers take jobs from a mailbox, all of them the same
ones, and train together over a torch process group; a worker that dies makes Ray Train begin the
group again, which goes on from the last checkpoint. `TorchTrainer` itself would bring torch into
every driver and controller (2 s each) and open a port to everyone for the group's beginning, so
this is the trainer beneath it, and the workers find each other through a file.
"""

from __future__ import annotations

import os
import shutil
import socket
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import ray

from distrib.cluster.connect import Resources
from distrib.cluster.network import choose_interface
from distrib.errors import InputError
from distrib.study.worker.mailbox import Mailbox
from distrib.study.worker.trial import Message, reason
from distrib.study.worker.trial_runner import Context, GroupEndsError, Job, TrialRunner

FAREWELL = 30.0  # seconds for the controllers to go when their actors go
SETTLED = 2.0  # seconds after which a process that Ray calls dead makes no group any more
LOOK = 20.0  # seconds between two looks whether a group may grow
ROOM = 10.0  # seconds in which the room that was seen for such a group must be had
POLL = 0.5  # seconds between two looks whether Ray Train still runs


@dataclass(frozen=True)
class GroupFactory:
    """Makes groups for a study.

    Attributes:
        storage: a folder that every node sees. foreign: whether the cluster is not the study's
            own, so that its nodes may be taken away. apart: whether only the driver's sees it.
    """

    mailbox: Any
    resources: Resources
    storage: str
    foreign: bool
    apart: bool = False

    def channel(self, context: Context) -> GroupChannel:
        """A group of its own."""
        return GroupChannel(self, context)


@contextmanager
def group_factory_of(
    mailbox: Any, resources: Resources, storage: Path, foreign: bool, *, apart: bool = False
) -> Iterator[GroupFactory]:
    """A factory whose storage is made, and removed at the end."""
    storage.mkdir(exist_ok=True)
    try:
        yield GroupFactory(mailbox, resources, str(storage), foreign, apart)
    finally:
        shutil.rmtree(storage, ignore_errors=True)


@contextmanager
def mailbox_kept(foreign: bool) -> Iterator[Any]:
    """The mailbox of a study: a process on the driver's node that takes no share of it.

    At the end nothing of this driver's groups is left on a `foreign` cluster; a Ray of our own ends
    with all that it holds.
    """
    here = ray.get_runtime_context().get_node_id()
    mailbox = (
        ray.remote(Mailbox)
        .options(
            num_cpus=0,
            max_restarts=-1,
            max_task_retries=-1,
            max_concurrency=10_000,
            label_selector={"ray.io/node-id": here},
        )
        .remote()
    )
    try:
        yield mailbox
    finally:
        if foreign:
            leave_nothing()


def leave_nothing() -> None:
    """Free what groups of this driver still hold of a cluster, when the actors were told to go.

    Ray frees the placement group of a lost controller as the driver ends, but for one that was made
    at that very moment: it would stay on the cluster for ever. A process may go on for a moment
    after Ray calls it dead.
    """
    from distrib.cluster.ray_internals.train import makers, placement_group

    job = ray.get_runtime_context().get_job_id()
    end = time.monotonic() + FAREWELL
    while makers(job) and time.monotonic() < end:
        time.sleep(POLL)
    settled = time.monotonic() + SETTLED
    while True:
        for name, group in ray.util.placement_group_table().items():
            if name.endswith(job) and group["state"] != "REMOVED":  # its name ends with its job
                ray.util.remove_placement_group(placement_group(name))
        if time.monotonic() > settled:
            return
        time.sleep(POLL)


class GroupChannel:
    """A group and the way to it; see `trial_actor.Channel`."""

    def __init__(self, factory: GroupFactory, context: Context) -> None:
        self._factory, self._context = factory, context
        self._actor = uuid.uuid4().hex[:12]
        self._count = -1
        self._error: BaseException | None = None
        here = ray.get_runtime_context()
        self._holder = here.current_actor if here.get_actor_id() else None  # None in the driver
        self._thread = threading.Thread(target=self._fit, daemon=True)
        self._thread.start()

    def ask(self, job: Job) -> Message:
        """The next message of a job.

        Raises:
            RuntimeError: Ray Train gave the group up.
        """
        self._count += 1
        answer = self._factory.mailbox.ask.remote(self._actor, self._count, job)
        while not ray.wait([answer], timeout=POLL)[0]:
            if not self._thread.is_alive():
                raise RuntimeError(f"the group of workers ended: {self._error}")
        return ray.get(answer)

    def close(self) -> None:
        """Let the workers go home; waits until they have."""
        with suppress(ray.exceptions.RayError):
            ray.get(self._factory.mailbox.close.remote(self._actor), timeout=5)
            self._thread.join(timeout=15)

    def _fit(self) -> None:
        from distrib.cluster.ray_internals.train import GroupTrainer

        factory, resources = self._factory, self._factory.resources
        settings = {"RAY_TRAIN_ENABLE_PREEMPTION_WATCHER": str(int(factory.foreign))}
        if resources.most is not None:
            settings["RAY_TRAIN_WORKER_GROUP_START_TIMEOUT_S"] = str(ROOM)
        bundle = {"CPU": resources.cpus, **({"GPU": resources.gpus} if resources.gpus else {})}
        try:
            GroupTrainer(
                settings,
                work,
                train_loop_config={
                    "actor": self._actor,
                    "mailbox": factory.mailbox,
                    "context": self._context,
                    "storage": factory.storage,
                    "foreign": factory.foreign,
                    "apart": factory.apart,
                    "holder": self._holder,
                },
                scaling_config=ray.train.ScalingConfig(
                    num_workers=resources.scaling(),
                    use_gpu=bool(resources.gpus),
                    resources_per_worker=bundle,
                    accelerator_type=resources.accelerator_type,
                    elastic_resize_monitor_interval_s=LOOK,
                ),
                run_config=ray.train.RunConfig(
                    name=f"group-{self._actor}",
                    storage_path=factory.storage,
                    failure_config=ray.train.FailureConfig(max_failures=-1),
                ),
            ).fit()
        except BaseException as error:
            self._error = error


def work(settings: dict[str, Any]) -> None:
    """What every worker of a group does for as long as it lives."""
    from ray.train import collective

    from distrib.trainables.training.data_parallel import Meeting, process_group

    here = ray.train.get_context()
    rank, size = here.get_world_rank(), here.get_world_size()
    mailbox, actor, count, key = settings["mailbox"], settings["actor"], -1, ""
    storage = Path(settings["storage"])
    one_node = here.get_local_world_size() == size
    # A number that grows from group to group of an actor, the same at all workers.
    group = time.time_ns() if rank == 0 else None
    meeting: Path | Meeting | None = None
    if group is not None and settings["apart"]:
        host = "127.0.0.1" if one_node else ray.util.get_node_ip_address()
        meeting = Meeting.here(host, size)
    elif group is not None:
        _meeting(storage, actor, group).mkdir()
    group, told = collective.broadcast_from_rank_zero(
        (group, meeting.told() if isinstance(meeting, Meeting) else None)
    )
    meeting = meeting or told or _seen(_meeting(storage, actor, group)) / "store"
    assert group is not None
    if rank == 0:
        if settings["holder"] is not None:
            mailbox.watch.remote(settings["holder"], ray.util.get_current_placement_group())
        ray.get(mailbox.begin.remote(actor, group, size))

    def exchange(answer: Message | None) -> Job | None:
        nonlocal count, key
        told = ray.get(mailbox.exchange.remote(actor, group, rank, size, count, answer))
        if told is None:
            return None
        count, job = told
        if job.key != key:
            key = job.key
            mailbox.begun.remote(actor, group, rank, key)
        return job

    context: Context = settings["context"]
    if not one_node:
        head = ray.get_runtime_context().gcs_address.rpartition(":")[0]
        choose_interface(head.strip("[]"), os.environ)
    notice = _taken_away if settings["foreign"] else None
    try:
        with process_group(context.worker, rank, size, meeting, one_node=one_node) as worker:
            TrialRunner.of(context, worker, ray.get, exchange, notice).run()
    except Exception as error:
        if not isinstance(error, GroupEndsError):  # whatever ends the group again and again is told
            with suppress(ray.exceptions.RayError):
                ray.get(mailbox.failed.remote(actor, group, rank, reason(error)), timeout=FAREWELL)
        raise


def _meeting(storage: Path, actor: str, group: int) -> Path:
    return storage / f"meeting-{actor}-{group}"


def _seen(meeting: Path) -> Path:
    """The folder in which a group meets.

    Raises:
        InputError: this node does not see it, as one that joined after the study had looked at all.
    """
    if not meeting.is_dir():
        raise InputError(
            "this node does not see the run folder",
            where="--out",
            found=f"no {meeting.parent} on {socket.gethostname()}",
            expected="a folder that all nodes share, such as one on NFS, or a URL",
        )
    return meeting


def _taken_away() -> bool:
    """Whether a node of the group is about to go; asked by all workers at once."""
    return ray.train.get_preemption_info() is not None
