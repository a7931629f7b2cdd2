"""What Tune does otherwise while a search runs."""

from __future__ import annotations

from contextlib import nullcontext
from unittest.mock import Mock

import pytest
import ray
from ray.air.execution._internal.actor_manager import RayActorManager

from distrib.study.driver import lean_tune


def test_a_process_that_has_stopped_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is not left to end by itself, which it may never do."""
    killed: list[str] = []
    monkeypatch.setattr(ray, "kill", killed.append)
    monkeypatch.setattr(lean_tune, "_processes_at_hand", nullcontext)
    manager = Mock(_live_actors_to_ray_actors_resources={"actor": ("process", "room")})
    with lean_tune.lean_tune():
        RayActorManager._cleanup_actor(manager, tracked_actor="actor")
    assert killed == ["process"]
    assert manager._live_actors_to_ray_actors_resources == {}
    manager._resource_manager.free_resources.assert_called_once_with(acquired_resource="room")
