"""Ray Train's trainer without what it leaves on a cluster. Imported only where training begins."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

import ray
from ray._private.state import actors, state
from ray._raylet import PlacementGroupID
from ray.train.v2._internal.execution.controller.controller import TrainController
from ray.train.v2._internal.execution.scaling_policy import (
    ElasticScalingPolicy,
    FixedScalingPolicy,
)
from ray.train.v2._internal.execution.worker_group.worker_group import WorkerGroup
from ray.train.v2.api.data_parallel_trainer import DataParallelTrainer
from ray.util.placement_group import PlacementGroup

# Made for every run, and of no use to ours.
WITHOUT = (
    "DatasetsCallback",  # a process for Ray Data's datasets, of which there are none
    # A detached process that frees what a lost run held. It outlives its driver for ever: it asks
    # the dashboard, which may not run, and ends its thread only. `Mailbox.watch` does the same.
    "PlacementGroupCleanerCallback",
)


MAKERS = ("ResourceTrainable", "Controller")  # Tune's process of an actor, and Ray Train's


class GroupTrainer(DataParallelTrainer):
    """Trains until its actor ends, and everything of it ends with its driver at the latest.

    Args:
        settings: what Ray Train finds in the environment of the controller.
    """

    def __init__(self, settings: dict[str, str], *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._settings = settings

    def _create_default_callbacks(self) -> list[Any]:
        made = super()._create_default_callbacks()
        return [callback for callback in made if type(callback).__name__ not in WITHOUT]

    def _initialize_and_run_controller(self, **given: Any) -> Any:
        # Groups that may grow need Ray's coordinator, which then stays as long as the cluster.
        policy = StayingNodes if self.scaling_config.elasticity_enabled else FixedSize
        given["scaling_policy"] = policy(self.scaling_config)
        here = ray.get_runtime_context().get_node_id()
        controller = (
            ray.remote(Controller)
            .options(num_cpus=0, label_selector={"ray.io/node-id": here})
            .remote(self._settings, **given)
        )
        try:
            ray.get(controller.run.remote())
            return ray.get(controller.get_result.remote())
        finally:
            # Left to end by itself, it may wait for ever in the end of its process (Ray 2.60).
            ray.kill(controller)


class Group(WorkerGroup):
    """Workers in processes like all others of the driver."""

    @staticmethod
    def _get_worker_runtime_env(custom_runtime_env: Any) -> Any:
        return custom_runtime_env


class Controller(TrainController):
    """Is told its settings; they would come in an environment of its own, and its workers'.

    No process that is there has such an environment, and Ray would start an agent to make it.
    """

    worker_group_cls = Group

    def __init__(self, settings: dict[str, str], **given: Any) -> None:
        os.environ.update(settings)
        super().__init__(**given)


class StayingNodes(ElasticScalingPolicy):
    """Counts on the nodes that are there and stay.

    Ray's coordinator looks for them three times a minute and does not ask whether they are about to
    go: a group that lost a node would be begun on it again, in vain for a minute.
    """

    def _count_possible_workers(self, reserved_resources: dict[str, dict[str, float]]) -> int:
        there = {node["NodeID"] for node in ray.nodes() if node["Alive"]}
        staying = there - set(state.get_draining_nodes())
        return super()._count_possible_workers(
            {node: held for node, held in reserved_resources.items() if node in staying}
        )


class FixedSize(FixedScalingPolicy):
    """Without the detached coordinator: the group's own request makes a cluster grow."""

    def after_controller_start(self, train_run_context: Any) -> None:
        """Nobody is told."""

    def _maybe_send_resource_request(self) -> None:
        """Nobody is told."""


def train_here(loop: Callable[[], None]) -> None:
    """Run a training loop in this very process, in Ray Train's local mode."""
    DataParallelTrainer(loop, scaling_config=ray.train.ScalingConfig(num_workers=0)).fit()


def makers(job: str) -> list[str]:
    """The processes of a driver that still run and may yet make a group: actors and controllers.

    Args:
        job: the driver's, in hexadecimal digits.
    """
    return [
        name
        for name, actor in actors(job_id=ray.JobID.from_hex(job)).items()
        if actor["ActorClassName"] in MAKERS and actor["State"] != "DEAD"
    ]


def placement_group(name: str) -> PlacementGroup:
    """The placement group of this id, in hexadecimal digits."""
    return PlacementGroup(PlacementGroupID.from_hex(name))
