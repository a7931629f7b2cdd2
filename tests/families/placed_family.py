"""The stream family, telling on which nodes of a cluster it is at work."""

from __future__ import annotations

import os
from collections.abc import Iterator

from distrib.data.streams.parquet_set import ParquetSet
from distrib.trainables.base import Progress, State, Worker
from tests.families.stream_family import Net, NetConfig


class PlacedNet(Net):
    """The console of every worker says where it is, and over which interface it meets the others.

    Only one that is alone takes its time (`pause`), and only in the search.
    """

    def progress(
        self, config: NetConfig, data: ParquetSet, worker: Worker, state: State | None = None
    ) -> Iterator[Progress]:
        import ray

        epoch = 0 if state is None else state.values["epoch"]
        node = ray.get_runtime_context().get_node_id()
        way = os.environ.get("GLOO_SOCKET_IFNAME", "any")
        print(f"of {worker.world_size} on {node} over {way} after epoch {epoch}", flush=True)
        return super().progress(hurried(config, worker.world_size > 1), data, worker, state)

    def refit(
        self,
        config: NetConfig,
        data: ParquetSet,
        worker: Worker,
        budget: int | None,
        state: State | None = None,
    ) -> Iterator[Progress]:
        return super().refit(hurried(config), data, worker, budget, state)


def hurried(config: NetConfig, wanted: bool = True) -> NetConfig:
    """A configuration without pauses."""
    return config.model_copy(update={"pause": 0.0}) if wanted else config
